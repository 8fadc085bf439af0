"""What every compared system predicts, on the fixed split and in repeated grouped cross-validation.

All systems meet the same objects, folds and candidates for C, so that their scores can be paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from crossjepa.probe.ask import Answer, answer_all
from crossjepa.probe.folds import Split, grouped_folds, nested_folds
from crossjepa.probe.linear import Labels
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import ProbeSettings
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
    settings: ProbeSettings,
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
    tasks = _tasks(objects, settings)
    replied = answer_all(systems, tasks, objects.labels, protocol, settings, "probe", threads)
    answers = {
        system: {regime: _collect(seeds, tasks, objects) for regime, seeds in by_regime.items()}
        for system, by_regime in replied.items()
    }
    common = _collect([[[_commonest(objects.labels, split) for split in t] for t in tasks]], tasks, objects)
    return {**answers, "majority": {"canonical": common, "zz": common}}


def _tasks(objects: LabelledObjects, settings: ProbeSettings) -> list[list[Split]]:
    """The fixed split, then the folds of every repeat: each task tests an object once at most.

    A data set's own split is its protocol: there are no repeats beside it.
    """
    labels, groups, folds, seed = objects.labels, objects.groups, settings.folds, settings.seed
    inner = grouped_folds(labels, groups, objects.train, folds, seed)
    wanted = 0 if objects.split_given else settings.repeats
    repeats = [nested_folds(labels, groups, folds, seed + repeat) for repeat in range(wanted)]
    return [[Split(objects.train, objects.test, inner)], *repeats]


def _commonest(labels: Labels, split: Split) -> Answer:
    return Answer(np.full(len(split.test), np.bincount(labels[split.train]).argmax()), nan)


def _collect(
    seeds: Sequence[Sequence[Sequence[Answer]]], tasks: Sequence[Sequence[Split]], objects: LabelledObjects
) -> Answers:
    """From each seed's answers to each task's splits."""
    labels = np.full((len(seeds), len(tasks), len(objects.labels)), NOT_TESTED)
    for predicted, answered in zip(labels, seeds, strict=True):
        for row, splits, answers in zip(predicted, tasks, answered, strict=True):
            for split, answer in zip(splits, answers, strict=True):
                row[split.test] = answer.labels
    return Answers(labels[:, 0, objects.test], labels[:, 1:], [answered[0][0].C for answered in seeds])
