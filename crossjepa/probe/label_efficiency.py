"""How accuracy grows with the share of labels: linear probes on nested subsets of the training objects."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from crossjepa.probe.ask import Answer, answer_all
from crossjepa.probe.folds import Split, folds_if_enough, possible_folds
from crossjepa.probe.label_efficiency_result import Draw, Fraction, Score, Scores
from crossjepa.probe.linear import Labels, Rows
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import ProbeSettings
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
    settings: ProbeSettings,
    threads: int,
) -> list[Fraction]:
    """Probe every system with each share of the labels; all meet the same draws, folds and test objects.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        protocol: the classifier, and its published C.
        settings: candidates for C, folds and seed.
        threads: classifiers that are fitted at a time.
    """
    # All labels can be drawn in one way only.
    draws = [
        _splits(objects, PERCENTS if draw == 0 else PERCENTS[:-1], settings, draw) for draw in range(DRAWS)
    ]
    labels = objects.labels
    replied = answer_all(systems, draws, labels, protocol, settings, "label efficiency", threads)

    def scores(system: str, step: int) -> Scores:
        truth = objects.labels[objects.test]
        return Scores(**{regime: _score(seeds, step, truth) for regime, seeds in replied[system].items()})

    return [
        Fraction(
            percent=percent,
            draws=[_describe(splits[step], settings) for splits in draws if step < len(splits)],
            encoder=scores("encoder", step),
            random_encoder=scores("random_encoder", step),
            teacher_views=scores("teacher_views", step) if "teacher_views" in systems else None,
        )
        for step, percent in enumerate(PERCENTS)
    ]


def _splits(
    objects: LabelledObjects, percents: Sequence[int], settings: ProbeSettings, draw: int
) -> list[Split]:
    """A subset of the training objects for each share, with the folds to choose C with, if any."""
    labels, groups, train, seed = objects.labels, objects.groups, objects.train, settings.seed + draw
    folds = possible_folds(labels[train], groups[train], settings.folds)
    subsets = nested_subsets(labels, groups, train, seed)
    return [
        Split(rows, objects.test, folds_if_enough(labels, groups, rows, folds, seed))
        for rows in subsets[: len(percents)]
    ]


def _score(seeds: Sequence[Sequence[Sequence[Answer]]], step: int, truth: Labels) -> Score:
    """From each seed's answers to each draw's shares to the score of one share."""
    reached = [[answers[step] for answers in draws if step < len(answers)] for draws in seeds]
    right = [[100 * float((answer.labels == truth).mean()) for answer in draws] for draws in reached]
    return Score(
        mean=float(np.mean(right)),
        sd=float(np.std(right, ddof=1)) if np.size(right) > 1 else None,
        chosen_C=[[answer.C for answer in draws] for draws in reached],
    )


def _describe(split: Split, settings: ProbeSettings) -> Draw:
    chosen: Literal["cross-validation", "largest"] = "cross-validation" if split.inner else "largest"
    return Draw(n_objects=len(split.train), C_choice="published" if settings.published_C else chosen)
