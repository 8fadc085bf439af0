"""Classes for unlabelled objects, and how far to trust them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.files import printable, write_whole
from crossjepa.probe.classifiers import Labels
from crossjepa.probe.intervals import bootstrap_intervals
from crossjepa.probe.probabilities import held_out_probabilities, predict_probabilities
from crossjepa.probe.settings import ProbeSettings

BANDS = (0.9, 0.5, 0.0)  # lower bounds of the bands of probability whose accuracy is told


@dataclass(frozen=True)
class Accuracy:
    """How many of some labelled objects were predicted correctly, each by a classifier without its group.

    Attributes:
        objects: how many there are.
        groups: of near-duplicates.
        correct: in percent.
    """

    objects: int
    groups: int
    correct: float


@dataclass(frozen=True)
class Trust:
    """The accuracy to expect of predictions, by nested grouped cross-validation of the labelled objects.

    It holds for objects like the labelled ones.

    Attributes:
        overall: of all labelled objects.
        ci95: the 95% interval of its accuracy, in percent.
        classes: of each class. One with a single group cannot be held out and counts as wrong.
        bands: of the objects whose most probable class has at least the probability in the key, and less than
            that in the key before.
    """

    overall: Accuracy
    ci95: tuple[float, float]
    classes: dict[str, Accuracy]
    bands: dict[float, Accuracy]

    @property
    def lines(self) -> list[str]:
        """The same for people, a line each."""
        low, high = self.ci95
        whole = self.overall
        told = [
            f"expected accuracy: {whole.correct:.1f}% (95% interval {low:.1f} to {high:.1f}), by nested "
            f"cross-validation of {whole.objects} labelled objects in {whole.groups} groups"
        ]
        for least, band in self.bands.items():
            told.append(f"  probability from {least:g}: {band.correct:.1f}% of {band.objects} correct")
        for name, each in sorted(self.classes.items(), key=lambda item: (item[1].correct, item[0])):
            told.append(f"  class '{name}': {each.correct:.1f}% of {each.objects}")
        alone = [name for name, each in self.classes.items() if each.groups == 1]
        told += [
            f"warning: class '{name}' has a single group and cannot be tested; label more" for name in alone
        ]
        return told


def predict(
    table: pd.DataFrame,
    features: NDArray[np.floating],
    groups: Labels,
    settings: ProbeSettings,
    threads: int = 1,
) -> tuple[pd.DataFrame, Trust]:
    """Predict the classes of unlabelled objects.

    Args:
        table: N objects with the columns `id` and `class`, empty where unlabelled.
        features: (N, F).
        groups: (N,) numbers; copies and near-duplicates share one.
        settings: folds, resamples and their seed.
        threads: fits to run in parallel.

    Returns:
        The table's columns `id`, `path` if it has one, and `class`, filled; `probability` of a predicted
        class, NaN for a given one; and `source`, given or predicted. And the accuracy to expect.

    Raises:
        UserError: if nothing or everything is labelled, or too little to cross-validate with.
    """
    known = (table["class"] != "").to_numpy()
    names, labels = np.unique(table.loc[known, "class"].to_numpy(str), return_inverse=True)
    if len(names) < 2:
        raise UserError(
            f"the labels name {len(names)} class{'es' * (len(names) != 1)}; label objects of at least two"
        )
    if known.all():
        raise UserError(f"all {len(table)} objects have a class; leave it empty for those to predict")
    every = np.full(len(table), -1, np.int64)
    every[known] = labels
    trust = _trust(features[known], every[known], groups[known], names, settings, threads)
    split = np.flatnonzero(known), np.flatnonzero(~known)
    probabilities = predict_probabilities(features, every, groups, split, settings, threads)
    filled = table[[name for name in ("id", "path", "class") if name in table]].copy()
    filled.loc[~known, "class"] = names[probabilities.argmax(axis=1)]
    filled.loc[~known, "probability"] = probabilities.max(axis=1)
    filled["source"] = np.where(known, "given", "predicted")
    return filled, trust


def write_predictions(path: Path, table: pd.DataFrame) -> None:
    """Write what `predict` returned as CSV, whole or not at all."""
    names = {name: table[name].map(printable) for name in ("id", "path") if name in table}
    with write_whole(path) as partial:
        table.assign(**names).to_csv(partial, index=False, float_format="%.4f")


def _trust(
    features: NDArray[np.floating],
    labels: Labels,
    groups: Labels,
    names: NDArray[np.str_],
    settings: ProbeSettings,
    threads: int,
) -> Trust:
    probabilities = held_out_probabilities(features, labels, groups, settings, threads)
    right = 100.0 * (probabilities.argmax(axis=1) == labels)
    interval = bootstrap_intervals(pd.DataFrame({"": right}), groups, settings.bootstrap, settings.seed)[0]

    def accuracy(rows: NDArray[np.bool_]) -> Accuracy:
        return Accuracy(int(rows.sum()), len(np.unique(groups[rows])), float(right[rows].mean()))

    band = np.digitize(probabilities.max(axis=1), BANDS)  # descending: the number of bounds above
    return Trust(
        overall=accuracy(np.ones(len(labels), bool)),
        ci95=(float(interval[0]), float(interval[1])),
        classes={name: accuracy(labels == number) for number, name in enumerate(names.tolist())},
        bands={least: accuracy(band == n) for n, least in enumerate(BANDS) if (band == n).any()},
    )
