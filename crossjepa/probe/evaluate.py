"""What every compared system predicts, on the fixed split and in repeated grouped cross-validation.

All systems meet the same objects, folds and candidates for C, so that their scores can be paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from crossjepa.config import ProbeConfig
from crossjepa.probe.folds import Split, grouped_folds, nested_folds
from crossjepa.probe.linear import Labels, choose_C, machine, share_threads
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays

NOT_TESTED = -1


@dataclass(frozen=True)
class Answers:
    """What one system said in one pose regime.

    Attributes:
        fixed: (seeds, test objects) int64 labels on the fixed split.
        held_out: (seeds, repeats, N) int64 label of each object when its fold was held out; no repeats where
            the data set's own split is kept.
        chosen_C: for each seed, the C chosen on the fixed split; NaN for the majority class.
    """

    fixed: Labels
    held_out: Labels
    chosen_C: list[float]


def evaluate(
    systems: Mapping[str, Sequence[Arrays]],
    objects: LabelledObjects,
    protocol: ProbeProtocol,
    settings: ProbeConfig,
    threads: int,
) -> dict[str, dict[str, Answers]]:
    """Probe every system, and the majority class beside them.

    Test labels are read for nothing but scoring: neither a fit nor the choice of a C sees them.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        protocol: the classifier, and its published C.
        settings: candidates for C, folds, repeats and seed.
        threads: processes that fit classifiers; for many objects threads, which share the features.

    Returns:
        Answers by system and regime.

    Raises:
        UserError: if there are too few groups to cross-validate with.
    """
    tasks, labels = _tasks(objects, settings), objects.labels
    candidates = candidate_Cs(settings, protocol)
    outer, inner = share_threads(len(labels), threads)
    keys = [(system, regime) for system, seeds in systems.items() for regime in seeds[0]]
    jobs = [
        delayed(_answer)(features[regime], labels, splits, protocol, candidates, inner)
        for system, regime in keys
        for features in systems[system]
        for splits in tasks
    ]
    running = Parallel(n_jobs=outer, return_as="generator")(jobs)
    answered = track(running, len(jobs), "probe", "job")
    answers: dict[str, dict[str, Answers]] = {}
    for system, regime in keys:
        rows = [[next(answered) for _ in tasks] for _ in systems[system]]
        answers.setdefault(system, {})[regime] = _collect(rows, objects)
    common = _collect([[(_commonest(labels, splits), nan) for splits in tasks]], objects)
    next(answered, None)  # closes the bar
    return {**answers, "majority": {"canonical": common, "zz": common}}


def candidate_Cs(settings: ProbeConfig, protocol: ProbeProtocol) -> list[float]:
    """The Cs to choose from, ascending; the published one alone where that is asked for."""
    return [protocol.published_C] if settings.published_C else sorted(set(settings.C))


def _tasks(objects: LabelledObjects, settings: ProbeConfig) -> list[list[Split]]:
    """The fixed split, then the folds of every repeat: each task tests an object once at most.

    A data set's own split is its protocol: there are no repeats beside it.
    """
    labels, groups, folds, seed = objects.labels, objects.groups, settings.folds, settings.seed
    inner = grouped_folds(labels, groups, objects.train, folds, seed)
    wanted = 0 if objects.split_given else settings.repeats
    repeats = [nested_folds(labels, groups, folds, seed + repeat) for repeat in range(wanted)]
    return [[Split(objects.train, objects.test, inner)], *repeats]


def _answer(
    features: NDArray[np.float32],
    labels: Labels,
    splits: Sequence[Split],
    protocol: ProbeProtocol,
    candidates: Sequence[float],
    threads: int,
) -> tuple[Labels, float]:
    """(N,) labels of the objects that the splits test, and the C of the first split."""
    classifier = machine(features, protocol)
    predicted, chosen = np.full(len(labels), NOT_TESTED), []
    for split in splits:
        C = choose_C(classifier, labels, split.inner, candidates, threads)
        predicted[split.test] = classifier.predict(labels, split.train, split.test, C)
        chosen.append(C)
    return predicted, chosen[0]


def _commonest(labels: Labels, splits: Sequence[Split]) -> Labels:
    predicted = np.full(len(labels), NOT_TESTED)
    for split in splits:
        predicted[split.test] = np.bincount(labels[split.train]).argmax()
    return predicted


def _collect(rows: Sequence[Sequence[tuple[Labels, float]]], objects: LabelledObjects) -> Answers:
    """From each seed's answers to each task."""
    predicted = np.array([[labels for labels, _ in tasks] for tasks in rows])
    return Answers(predicted[:, 0, objects.test], predicted[:, 1:], [tasks[0][1] for tasks in rows])
