"""What every compared system predicts, on the fixed split and in repeated grouped cross-validation.

All systems meet the same objects, folds and candidates for C, so that their scores can be paired.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossjepa.config import ProbeConfig
from crossjepa.probe.folds import Split, nested_folds, nested_split
from crossjepa.probe.linear import Classifier, Labels, choose_C
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import PROTOCOLS
from crossjepa.progress import bar
from crossjepa.store.bundle import Arrays

NOBODY = -1


@dataclass(frozen=True)
class Answers:
    """What one system said in one pose regime.

    Attributes:
        predicted: (seeds, 1 + repeats, N) int64 label of each object when it was held out: on the fixed
            split, where training objects are `NOBODY`, then in each repeat of the cross-validation.
        chosen_C: for each seed, the C chosen on the fixed split; empty for the majority class.
    """

    predicted: NDArray[np.int64]
    chosen_C: list[float]

    def right_when_tested(self, objects: LabelledObjects) -> NDArray[np.float64]:
        """(seeds, test objects): 1 where the fixed split's answer is right, else 0."""
        rows = objects.test
        return (self.predicted[:, 0, rows] == objects.labels[rows]).astype(np.float64)

    def right_when_held_out(self, objects: LabelledObjects) -> NDArray[np.float64]:
        """(seeds, N) share of the cross-validation's repeats that are right."""
        return (self.predicted[:, 1:] == objects.labels).mean(axis=1)


@dataclass(frozen=True)
class Evaluation:
    """Answers of each system by regime, and how many folds the cross-validation could make."""

    answers: dict[str, dict[str, Answers]]
    folds: int


def evaluate(
    systems: Mapping[str, Sequence[Arrays]], objects: LabelledObjects, settings: ProbeConfig, threads: int
) -> Evaluation:
    """Probe every system, and the majority class beside them.

    Test labels are read for nothing but scoring: neither a fit nor the choice of a C sees them.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        settings: protocol, candidates for C, folds, repeats and seed.
        threads: classifiers fitted at a time.

    Raises:
        UserError: if there are too few groups to cross-validate with.
    """
    labels, groups, seed = objects.labels, objects.groups, settings.seed
    fixed = nested_split(labels, groups, objects.train, objects.test, settings.folds, seed)
    repeats = [nested_folds(labels, groups, settings.folds, seed + r) for r in range(settings.repeats)]
    tasks = [[fixed], *repeats]
    candidates = sorted(set(settings.C))
    classifier = PROTOCOLS[settings.protocol].classifier
    fits = sum(map(len, tasks)) * sum(len(seed) for seeds in systems.values() for seed in seeds)
    answers: dict[str, dict[str, Answers]] = {}
    with ThreadPoolExecutor(threads) as pool, bar(fits, "probe", "fit") as progress:
        # Threads are enough: libsvm lets go of the interpreter while it fits.

        def answer(features: NDArray[np.float32]) -> tuple[Labels, float]:
            prepared = classifier.prepare(features)

            def fit(split: Split) -> tuple[Labels, float]:
                answered = _fit(classifier, prepared, labels, split, candidates)
                progress.update()
                return answered

            outcomes = iter(list(pool.map(fit, [split for splits in tasks for split in splits])))
            predicted, chosen = np.full((len(tasks), len(labels)), NOBODY), []
            for row, splits in zip(predicted, tasks, strict=True):
                for split in splits:
                    row[split.test], C = next(outcomes)
                    chosen.append(C)
            return predicted, chosen[0]

        for system, seeds in systems.items():
            answers[system] = {}
            for regime in seeds[0]:
                answered = [answer(features[regime]) for features in seeds]
                stacked = np.stack([predicted for predicted, _ in answered])
                answers[system][regime] = Answers(stacked, [C for _, C in answered])
    majority = _majority(labels, tasks)
    answers["majority"] = {"canonical": majority, "zz": majority}
    return Evaluation(answers, folds=len(repeats[0]))


def _fit(
    classifier: Classifier,
    prepared: NDArray[np.float64],
    labels: Labels,
    split: Split,
    candidates: Sequence[float],
) -> tuple[Labels, float]:
    C = choose_C(classifier, prepared, labels, split.inner, candidates)
    return classifier.predict(prepared, labels, split.train, split.test, [C])[0], C


def _majority(labels: Labels, tasks: Sequence[Sequence[Split]]) -> Answers:
    predicted = np.full((1, len(tasks), len(labels)), NOBODY)
    for row, splits in zip(predicted[0], tasks, strict=True):
        for split in splits:
            row[split.test] = np.bincount(labels[split.train]).argmax()
    return Answers(predicted, [])
