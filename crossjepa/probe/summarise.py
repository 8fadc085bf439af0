"""From answers to the numbers of the result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.probe.evaluate import Answers
from crossjepa.probe.intervals import group_interval
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.result import Accuracy, Baselines, ClassAccuracy, Gain, Gains, OtherFeatures, Regimes

Scores = Mapping[str, Mapping[str, NDArray[np.float64]]]


def fixed_scores(answers: Mapping[str, Mapping[str, Answers]], objects: LabelledObjects) -> Scores:
    """By system and regime, (seeds, test objects): 100 where the fixed split's answer is right, else 0."""
    truth = objects.labels[objects.test]
    return {s: {r: 100.0 * (a.fixed == truth) for r, a in by.items()} for s, by in answers.items()}


def held_out_scores(answers: Mapping[str, Mapping[str, Answers]], objects: LabelledObjects) -> Scores:
    """By system and regime, (seeds, N): percentage of the cross-validation's repeats that are right."""
    truth = objects.labels
    return {s: {r: 100.0 * (a.held_out == truth).mean(1) for r, a in by.items()} for s, by in answers.items()}


def summarise(
    scores: Scores, groups: NDArray[np.int64], resamples: int, seed: int
) -> tuple[Regimes, OtherFeatures, Baselines, Gains]:
    """The encoder's accuracy, its other features', its baselines', and its gain over random weights, paired.

    Args:
        scores: by system and regime, (seeds, objects) percentages.
        groups: (objects,) the group of each object.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    def regimes(system: str) -> Regimes:
        return regimes_of(scores[system], groups, resamples, seed)

    def gain(regime: str) -> Gain:
        ours, random = (scores[system][regime].mean(axis=0) for system in ("encoder", "random_encoder"))
        interval = group_interval(ours - random, groups, resamples, seed)
        return Gain(mean=float((ours - random).mean()), ci95=interval)

    baselines = Baselines(
        **{system: regimes(system) for system in Baselines.model_fields if system in scores}
    )
    others = OtherFeatures(**{system: regimes(system) for system in OtherFeatures.model_fields})
    return regimes("encoder"), others, baselines, Gains(canonical=gain("canonical"), zz=gain("zz"))


def regimes_of(
    scores: Mapping[str, NDArray[np.float64]], groups: NDArray[np.int64], resamples: int, seed: int
) -> Regimes:
    """One system's accuracy in each regime, from (seeds, objects) percentages."""

    def accuracy(values: NDArray[np.float64]) -> Accuracy:
        seeds = values.mean(axis=1)
        spread = float(seeds.std(ddof=1)) if len(seeds) > 1 else None
        interval = group_interval(values.mean(axis=0), groups, resamples, seed)
        return Accuracy(mean=float(seeds.mean()), sd=spread, ci95=interval)

    return Regimes(**{regime: accuracy(values) for regime, values in scores.items()})


def per_class(scores: Scores, objects: LabelledObjects) -> dict[str, ClassAccuracy]:
    """Each class's size and the encoder's accuracy on the fixed split, mean over seeds."""
    tested, trained = objects.labels[objects.test], objects.labels[objects.train]
    rows: dict[str, ClassAccuracy] = {}
    for label, name in enumerate(objects.classes):
        chosen = tested == label
        accuracy: dict[str, Any] = {
            regime: values[:, chosen].mean() if chosen.any() else None
            for regime, values in scores["encoder"].items()
        }
        rows[name] = ClassAccuracy(
            n_train=int((trained == label).sum()), n_test=int(chosen.sum()), **accuracy
        )
    return rows


def confusion(predicted: NDArray[np.int64], objects: LabelledObjects) -> list[list[int]]:
    """Counts of true (rows) and predicted (columns) classes, from (seeds, test objects) labels."""
    counts = np.zeros((len(objects.classes),) * 2, dtype=np.int64)
    np.add.at(counts, (np.broadcast_to(objects.labels[objects.test], predicted.shape), predicted), 1)
    table: list[list[int]] = counts.tolist()
    return table
