"""Figures of the HTML page, and drawing code shared with the plots; use it within `STYLE`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

PALE = "#9aa5b1"
COLOURS = ("#0b7a75", "#c8553d", "#7b5ea7")
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": PALE,
    "grid.color": "#e4e7eb",
    "legend.frameon": False,
    "svg.hashsalt": "crossjepa",
}
REGIMES = {"canonical": "canonical pose", "zz": "rotated about up (z/z)"}
# Label, series, mean, and both ends of the interval (NaN without one).
Score = tuple[str, str, *tuple[float, ...]]
# Columns of a training log, and their titles.
CURVES = {
    "loss": "loss",
    "unseen_explained": "variance explained, unseen objects",
    "effective_rank": "effective rank of a batch's features",
    "feature_spread": "spread of a batch's features",
}


def draw_curves(axes: Sequence[Axes], runs: Sequence[pd.DataFrame], titles: Mapping[str, str]) -> None:
    """Draw a training log over steps: one column on each of `axes`, one line for each run.

    Args:
        axes: as many as there are titles.
        runs: training logs with the column `step`; values and whole columns may be missing.
        titles: a title for each column to draw.
    """
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        for run in runs:
            if column in run:
                known = run.dropna(subset=column)
                axis.plot(known["step"], known[column], color=COLOURS[0], alpha=0.7, linewidth=1.2)
        axis.set(xlabel="step", title=title)
        if column != "unseen_explained":  # negative while it predicts worse than the mean
            axis.set_ylim(bottom=0)


def training_curves(runs: Sequence[pd.DataFrame], loss: str) -> Figure:
    """Every curve of `CURVES` that the first run's log has, over steps, one line for each run.

    Args:
        runs: training logs.
        loss: the name of the loss.
    """
    titles = {c: title for c, title in (CURVES | {"loss": loss}).items() if c in runs[0]}
    figure = Figure(figsize=(3.2 * len(titles), 2.6), layout="constrained")
    draw_curves(figure.subplots(1, len(titles), squeeze=False)[0], runs, titles)
    return figure


def draw_intervals(axis: Axes, scores: Iterable[Score]) -> None:
    """Draw a row for each label, with a dot for the mean and a line for the interval of each series."""
    table = pd.DataFrame(scores, columns=["label", "series", "mean", "low", "high"])
    rows = {label: row for row, label in enumerate(table["label"].unique())}
    series = table.groupby("series", sort=False)
    shifts = 0.17 * (np.arange(len(series)) - (len(series) - 1) / 2)
    for (name, group), shift, colour in zip(series, shifts, COLOURS, strict=False):
        y = group["label"].map(rows) + shift
        axis.hlines(y, group["low"], group["high"], color=colour, linewidth=2)
        axis.plot(group["mean"], y, "o", color=colour, markersize=5, label=name)
    axis.set_yticks(range(len(rows)), list(rows))
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(axis="x")


def accuracy_intervals(scores: Iterable[Score]) -> Figure:
    """Accuracies in percent of each system (label) in each regime (series)."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    draw_intervals(axis, scores)
    axis.set(xlabel="accuracy, %")
    axis.set_xlim(left=0)
    axis.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def confusion_matrix(confusion: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """Counts of objects by true class (row) and predicted class (column), shaded by the share of the row."""
    size = 2.0 + 0.22 * len(classes)
    figure = Figure(figsize=(size, size), layout="constrained")
    axis = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="BuGn", vmin=0, vmax=1)
    for row, column in np.argwhere(confusion > 0):
        ink = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(confusion[row, column]), ha="center", va="center", fontsize=6, color=ink)
    axis.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
    axis.set_yticks(range(len(classes)), classes, fontsize=7)
    axis.set(xlabel="predicted class", ylabel="true class")
    return figure
