"""The page's plots, each from plain numbers to a figure."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler

INK, ACCENT, SECOND, THIRD, PALE = "#22303c", "#0b7a75", "#c8553d", "#7b5ea7", "#9aa5b1"
STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "svg.hashsalt": "crossjepa",
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in the house's style, its sides in inches."""
    mpl.rcParams.update(STYLE)  # type: ignore[arg-type]
    return Figure(figsize=(width, height), layout="constrained")


def training_curves(runs: Sequence[pd.DataFrame]) -> Figure:
    """Loss, effective rank and feature spread over steps, one line a seed.

    Args:
        runs: one table a seed, with columns step, loss, effective_rank, feature_spread.
    """
    figure = new_figure(9, 2.6)
    columns = {
        "loss": "smooth-L1 loss",
        "effective_rank": "effective rank",
        "feature_spread": "feature spread",
    }
    for axis, (column, label) in zip(figure.subplots(1, 3), columns.items(), strict=True):
        for seed, run in enumerate(runs):
            axis.plot(run["step"], run[column], color=ACCENT, alpha=0.9 - 0.2 * (seed % 4), linewidth=1.2)
        axis.set(xlabel="step", title=label)
        axis.set_ylim(bottom=0)
    return figure


def accuracy_intervals(rows: Sequence[tuple[str, str, float, float, float]]) -> Figure:
    """Accuracies with their 95% intervals, canonical and z/z beside each other.

    Args:
        rows: (features, regime, mean, low, high) in percent.
    """
    names = list(dict.fromkeys(row[0] for row in rows))
    figure = new_figure(7, 0.45 * len(names) + 1.2)
    axis = figure.subplots()
    for name, regime, mean, low, high in rows:
        y = len(names) - names.index(name) + (0.12 if regime == "canonical" else -0.12)
        colour = ACCENT if regime == "canonical" else SECOND
        axis.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="round")
        axis.plot([mean], [y], "o", color=colour, markersize=5)
    axis.plot([], [], "o-", color=ACCENT, label="canonical pose")
    axis.plot([], [], "o-", color=SECOND, label="turned about up (z/z)")
    axis.set_yticks(range(len(names), 0, -1), names)
    axis.set(xlabel="accuracy, %", ylim=(0.4, len(names) + 0.6))
    axis.set_xlim(left=0)
    axis.grid(axis="x", color="#e4e7eb", linewidth=0.8)
    axis.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def confusion_matrix(confusion: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """Share of each true class (row) that was called each class (column)."""
    size = 2.0 + 0.22 * len(classes)
    figure = new_figure(size, size)
    axis = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="BuGn", vmin=0, vmax=1)
    for row, column in np.argwhere(confusion > 0):
        dark = shares[row, column] > 0.5
        axis.text(
            column,
            row,
            str(confusion[row, column]),
            ha="center",
            va="center",
            fontsize=6,
            color="white" if dark else INK,
        )
    axis.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
    axis.set_yticks(range(len(classes)), classes, fontsize=7)
    axis.set(xlabel="called", ylabel="is")
    return figure


def feature_map(features: NDArray[np.float32], labels: Sequence[str], seed: int) -> Figure:
    """Features laid out in two dimensions by t-SNE (JMLR 9:2579, 2008), coloured by class.

    Args:
        features: (N, F).
        labels: their N classes.
        seed: seeds the layout.
    """
    scaled = StandardScaler().fit_transform(features)
    perplexity = min(20.0, (len(features) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(scaled)
    figure = new_figure(9, 6.5)
    axis = figure.subplots()
    marks = "osD^vP*X"
    names = np.array(labels)
    for index, name in enumerate(sorted(set(labels))):
        chosen = places[names == name]
        colour = mpl.colormaps["tab20"](index % 20)
        axis.scatter(
            chosen[:, 0], chosen[:, 1], s=22, color=colour, marker=marks[index % len(marks)], label=name
        )
        axis.annotate(name, np.median(chosen, axis=0), fontsize=8, ha="center", alpha=0.85)
    axis.set_axis_off()
    axis.legend(frameon=False, ncols=2, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
