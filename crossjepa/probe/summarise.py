"""From answers to the numbers of the result."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.probe.evaluate import Answers
from crossjepa.probe.intervals import group_interval
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.result import Accuracy, Baselines, ClassAccuracy, Gain, Gains, Regimes

Scores = NDArray[np.float64]


class Summary:
    """Accuracies and gains of systems on one set of objects.

    Args:
        answers: each system's answers by regime.
        score: from answers to (seeds, objects) shares of right ones in [0, 1].
        groups: (objects,) the group of each object.
        resamples, seed: of the bootstrap.
    """

    def __init__(
        self,
        answers: Mapping[str, Mapping[str, Answers]],
        score: Callable[[Answers], Scores],
        groups: NDArray[np.int64],
        resamples: int,
        seed: int,
    ) -> None:
        self.scores = {
            system: {regime: 100 * score(given) for regime, given in regimes.items()}
            for system, regimes in answers.items()
        }
        self.interval = lambda values: group_interval(values, groups, resamples, seed)

    def regimes(self, system: str) -> Regimes:
        """A system's accuracy in each regime it was probed in."""
        return Regimes(
            **{regime: self._accuracy(self.scores[system].get(regime)) for regime in ("canonical", "zz")}
        )

    def baselines(self) -> Baselines:
        """The accuracies of everything but the encoder."""
        return Baselines(**{system: self.regimes(system) for system in Baselines.model_fields})

    def gains(self) -> Gains:
        """The encoder's accuracy less that of random weights, paired by object."""
        return Gains(canonical=self._gain("canonical"), zz=self._gain("zz"))

    def per_seed(self) -> dict[str, list[float]]:
        """The encoder's accuracy for each seed, by regime."""
        return {regime: scores.mean(axis=1).tolist() for regime, scores in self.scores["encoder"].items()}

    def _accuracy(self, scores: Scores | None) -> Accuracy | None:
        if scores is None:
            return None
        seeds = scores.mean(axis=1)
        return Accuracy(
            mean=seeds.mean(),
            sd=seeds.std(ddof=1) if len(seeds) > 1 else None,
            ci95=self.interval(scores.mean(axis=0)),
        )

    def _gain(self, regime: str) -> Gain:
        ours, random = (self.scores[system][regime].mean(axis=0) for system in ("encoder", "random_encoder"))
        return Gain(mean=(ours - random).mean(), ci95=self.interval(ours - random))


def per_class(objects: LabelledObjects, summary: Summary) -> dict[str, ClassAccuracy]:
    """Each class's size and the encoder's accuracy on the fixed split, mean over seeds."""
    tested, trained = objects.labels[objects.test], objects.labels[objects.train]
    rows: dict[str, ClassAccuracy] = {}
    for label, name in enumerate(objects.classes):
        chosen = tested == label
        accuracy: dict[str, Any] = {
            regime: scores[:, chosen].mean() if chosen.any() else None
            for regime, scores in summary.scores["encoder"].items()
        }
        rows[name] = ClassAccuracy(
            n_train=int((trained == label).sum()), n_test=int(chosen.sum()), **accuracy
        )
    return rows


def confusion(objects: LabelledObjects, answers: Answers) -> list[list[int]]:
    """(classes, classes) counts on the fixed split, summed over seeds: rows true, columns predicted."""
    counts = np.zeros((len(objects.classes),) * 2, dtype=np.int64)
    for predicted in answers.predicted[:, 0, objects.test]:
        np.add.at(counts, (objects.labels[objects.test], predicted), 1)
    return counts.tolist()
