"""Plots of result tables as PNG, one function for each suite."""

from collections.abc import Callable, Iterator, Sequence
from math import nan
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossjepa.probe.result import METRICS, SYSTEMS, Summary, TableResult
from crossjepa.report.figures import COLOURS, CURVES, PALE, REGIMES, STYLE, Score, draw_curves, draw_intervals

COMPARED = ("encoder", "random_encoder", "teacher_views")
# Panels of a sweep, by metric and regime.
SWEPT = {
    ("unseen_explained", ""): METRICS["unseen_explained"],
    ("accuracy", "canonical"): "accuracy, canonical, %",
    ("accuracy", "zz"): "accuracy, z/z, %",
}


def save_plot(result: TableResult, logs: Sequence[Path], path: Path) -> None:
    """Draw a table and write it as PNG.

    Args:
        result: the table; its suite decides what is drawn.
        logs: training logs, one for each seed, which are drawn beside the benchmark's accuracies.
        path: the file to write.
    """
    with mpl.rc_context(STYLE):
        figure = PLOTS[result.suite](result, [pd.read_json(log, lines=True) for log in logs])
        figure.suptitle(f"{result.dataset}: {figure.get_suptitle()}", fontsize=10)
        figure.savefig(path, format="png", dpi=200)


def plot_label_efficiency(result: TableResult, _: Sequence[pd.DataFrame]) -> Figure:
    """Accuracy over the share of training labels; bands are one standard deviation over seeds and draws."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    shares = {key: float(key.rstrip("%")) for key in result.questions}
    for axis, regime in _panels(figure):
        for system, colour, marker in zip(COMPARED, COLOURS, "os^", strict=True):
            if rows := [row for row in _accuracies(result, system) if row.regime == regime]:
                x = [shares[row.question] for row in rows]
                mean, sd = np.array([(row.mean, row.sd or 0.0) for row in rows]).T
                axis.plot(x, mean, color=colour, marker=marker, markersize=4, label=SYSTEMS[system])
                axis.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0)
        axis.set(xlabel="training labels, %", xscale="log", ylim=(0, None))
        axis.set_xticks(list(shares.values()), [f"{share:g}" for share in shares.values()])
        axis.minorticks_off()
        axis.grid(axis="y")
    figure.axes[0].set_ylabel(METRICS["accuracy"])
    figure.axes[0].legend(loc="lower right")
    figure.suptitle(f"{result.n_train} labels, {result.n_test} test objects")
    return figure


def plot_few_shot(result: TableResult, _: Sequence[pd.DataFrame]) -> Figure:
    """Accuracies with 95% intervals by few-shot setting, one panel for each regime."""
    figure = Figure(figsize=(9, 1.5 + 0.5 * len(result.questions)), layout="constrained")
    for axis, regime in _panels(figure):
        draw_intervals(axis, _scores(result, regime))
        axis.set(xlabel=METRICS["accuracy"])
    figure.legend(*figure.axes[0].get_legend_handles_labels(), ncols=3, loc="outside lower center")
    figure.suptitle("few-shot classification, 95% intervals")
    return figure


def plot_benchmark(result: TableResult, runs: Sequence[pd.DataFrame]) -> Figure:
    """Training curves, where there are logs, beside the accuracies with 95% intervals by question."""
    titles = {c: CURVES[c] for c in ("loss", "unseen_explained", "effective_rank") if runs}
    figure = Figure(figsize=(5 + 3.2 * len(titles), 4), layout="constrained")
    widths = [1] * len(titles) + [1.5]
    *curves, accuracies = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    draw_curves(curves, runs, titles)
    draw_intervals(accuracies, _scores(result))
    accuracies.set(title="linear probe, 95% intervals", xlabel=METRICS["accuracy"])
    accuracies.legend(fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    figure.suptitle(f"pretraining on {' and '.join(result.pretraining.datasets)}")
    return figure


def plot_sweep(result: TableResult, _: Sequence[pd.DataFrame]) -> Figure:
    """For each metric a dot for each variant, with the 95% interval of its gain over `trained`."""
    rows = [row for row in result.rows if not row.system.endswith(":tokens_and_imagined")]
    panels = [panel for panel in SWEPT if panel in {(row.metric, row.regime) for row in rows}]
    variants = len({row.system for row in rows})
    figure = Figure(figsize=(1 + 3.4 * len(panels), 1.2 + 0.28 * variants), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (metric, regime) in zip(axes, panels, strict=True):
        means = {
            row.system.removeprefix("sweep-"): row
            for row in rows
            if (row.metric, row.regime) == (metric, regime)
        }
        reference = means["trained"].mean
        axis.axvline(reference, color=PALE, linewidth=1)
        gains = {name: (row.gain and row.gain.ci95) or (nan, nan) for name, row in means.items()}
        scores = [(name, "", row.mean, *np.add(reference, gains[name])) for name, row in means.items()]
        draw_intervals(axis, scores)
        axis.set(title=SWEPT[metric, regime])
    seeds = len(result.seeds)
    figure.suptitle(f"{seeds} seeds; lines: 95% interval of the gain over 'trained', as configured")
    return figure


def _panels(figure: Figure) -> Iterator[tuple[Axes, str]]:
    """A titled panel for each regime."""
    panels = figure.subplots(1, len(REGIMES), sharex=True, sharey=True)
    for axis, (regime, title) in zip(panels, REGIMES.items(), strict=True):
        axis.set_title(title)
        yield axis, regime


def _accuracies(result: TableResult, system: str) -> list[Summary]:
    return [row for row in result.rows if (row.system, row.metric) == (system, "accuracy")]


def _scores(result: TableResult, regime: str | None = None) -> list[Score]:
    """Accuracies of the compared systems (series) by question (label), in one regime or in all."""
    return [
        (result.questions[row.question].title, SYSTEMS[system], row.mean, *(row.ci95 or (nan, nan)))
        for system in COMPARED
        for row in _accuracies(result, system)
        if regime in (None, row.regime)
    ]


PLOTS: dict[str, Callable[[TableResult, Sequence[pd.DataFrame]], Figure]] = {
    "label_efficiency": plot_label_efficiency,
    "few_shot": plot_few_shot,
    "benchmark": plot_benchmark,
    "sweep": plot_sweep,
}
