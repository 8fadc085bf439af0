"""How accuracy grows with the share of labels: linear probes on nested subsets of the training objects."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from crossjepa.config import ProbeConfig
from crossjepa.errors import UserError
from crossjepa.probe.evaluate import candidate_Cs
from crossjepa.probe.folds import Split, grouped_folds
from crossjepa.probe.label_efficiency_result import Draw, Fraction, Score, Scores
from crossjepa.probe.linear import Labels, Rows, choose_C, machine, share_threads
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays

PERCENTS = (1, 5, 10, 25, 50, 100)
DRAWS = 5


def nested_subsets(labels: Labels, groups: Labels, train: Rows, seed: int) -> list[Rows]:
    """Draw a share of the training objects for each of `PERCENTS`, the smaller inside the larger.

    Each class's groups are put in a random order, and as many of the first are taken as hold the wanted
    share of its objects: whole groups, and so a little more than the share at times; every class has an
    object at least.

    Args:
        labels, groups: (N,), read at `train` only.
        train: the rows to draw from.
        seed: seeds the order.

    Returns:
        Rows for each of `PERCENTS`; the last are all of `train`.
    """
    rng, inside, cluster = np.random.default_rng(seed), labels[train], groups[train]
    needed = np.full(cluster.max() + 1, 100.0)  # the percentage from which on a group is taken
    for label in np.unique(inside):
        names, sizes = np.unique(cluster[inside == label], return_counts=True)
        order = rng.permutation(len(names))
        before = np.cumsum(sizes[order]) - sizes[order]
        needed[names[order]] = np.minimum(needed[names[order]], 100 * before / sizes.sum())
    return [train[needed[cluster] < percent] for percent in PERCENTS]


def label_efficiency(
    systems: Mapping[str, Sequence[Arrays]],
    objects: LabelledObjects,
    protocol: ProbeProtocol,
    settings: ProbeConfig,
    threads: int,
) -> list[Fraction]:
    """Probe every system with each share of the labels; all meet the same draws, folds and test objects.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        protocol: the classifier, and the C of subsets that are too small to choose one with.
        settings: candidates for C, folds and seed.
        threads: classifiers that are fitted at a time.
    """
    # All labels can be drawn in one way only.
    draws = [
        _splits(objects, PERCENTS if draw == 0 else PERCENTS[:-1], settings, draw) for draw in range(DRAWS)
    ]
    candidates = candidate_Cs(settings, protocol)
    keys = [(system, regime) for system, seeds in systems.items() for regime in seeds[0]]
    outer, inner = share_threads(len(objects.labels), threads)
    jobs = [
        delayed(_answer)(seed[regime], objects.labels, splits, protocol, candidates, inner)
        for system, regime in keys
        for seed in systems[system]
        for splits in draws
    ]
    running = Parallel(n_jobs=outer, return_as="generator")(jobs)
    answered = track(running, len(jobs), "label efficiency", "draw")
    answers = {key: [[next(answered) for _ in draws] for _ in systems[key[0]]] for key in keys}
    next(answered, None)  # closes the bar

    def scores(system: str, step: int) -> Scores:
        regimes: dict[str, Any] = {"zz": None}
        return Scores(**regimes | {r: _score(answers[s, r], step) for s, r in keys if s == system})

    return [
        Fraction(
            percent=percent,
            draws=[_describe(splits[step]) for splits in draws if step < len(splits)],
            encoder=scores("encoder", step),
            random_encoder=scores("random_encoder", step),
            teacher_views=scores("teacher_views", step) if "teacher_views" in systems else None,
        )
        for step, percent in enumerate(PERCENTS)
    ]


def _splits(
    objects: LabelledObjects, percents: Sequence[int], settings: ProbeConfig, draw: int
) -> list[Split]:
    """A subset of the training objects for each share, with the folds to choose C with, if any."""
    labels, groups, seed = objects.labels, objects.groups, settings.seed + draw
    subsets = nested_subsets(labels, groups, objects.train, seed)
    return [
        Split(rows, objects.test, _folds(labels, groups, rows, settings, seed))
        for rows in subsets[: len(percents)]
    ]


def _folds(
    labels: Labels, groups: Labels, rows: Rows, settings: ProbeConfig, seed: int
) -> list[tuple[Rows, Rows]]:
    """Grouped folds of a subset; none where C is not chosen, or the subset is too small to choose it with."""
    if settings.published_C:
        return []
    try:
        return grouped_folds(labels, groups, rows, settings.folds, seed)
    except UserError:
        return []


def _answer(
    features: NDArray[np.float32],
    labels: Labels,
    splits: Sequence[Split],
    protocol: ProbeProtocol,
    candidates: Sequence[float],
    threads: int,
) -> list[tuple[float, float]]:
    """The accuracy in percent and the C of each split."""
    classifier, answers = machine(features, protocol), []
    for split in splits:
        published = protocol.published_C
        C = choose_C(classifier, labels, split.inner, candidates, threads) if split.inner else published
        right = classifier.predict(labels, split.train, split.test, C) == labels[split.test]
        answers.append((100 * float(right.mean()), C))
    return answers


def _score(answers: Sequence[Sequence[Sequence[tuple[float, float]]]], step: int) -> Score:
    """From each seed's answers to each draw's shares to the score of one share."""
    reached = [[draw[step] for draw in draws if step < len(draw)] for draws in answers]
    accuracy = np.array([[percent for percent, _ in draws] for draws in reached])
    return Score(
        mean=float(accuracy.mean()),
        sd=float(accuracy.std(ddof=1)) if accuracy.size > 1 else None,
        chosen_C=[[C for _, C in draws] for draws in reached],
    )


def _describe(split: Split) -> Draw:
    return Draw(n_objects=len(split.train), C_choice="cross-validation" if split.inner else "published")
