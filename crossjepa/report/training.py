"""How pretraining went: loss, prediction of unseen objects, effective rank, and the probe on the way."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from crossjepa.benchmark.result import BenchmarkResult
from crossjepa.report.figures import ACCENT, PALE, SECOND, new_figure


def progress_curves(result: BenchmarkResult, runs: Sequence[pd.DataFrame]) -> Figure:
    """Loss, unseen objects and effective rank of every seed; the probe of the first seed's snapshots.

    Args:
        result: the benchmark, whose curve is drawn beside its teacher and random weights.
        runs: one training log a seed, with columns step, loss, effective_rank and, where there
            were test objects, unseen_explained.
    """
    figure = new_figure(13, 3.2)
    loss, unseen, rank, probe = figure.subplots(1, 4)
    for run in runs:
        loss.plot(run["step"], run["loss"], color=ACCENT, alpha=0.7, linewidth=1.2)
        rank.plot(run["step"], run["effective_rank"], color=ACCENT, alpha=0.7, linewidth=1.2)
        if "unseen_explained" in run:
            watched = run.dropna(subset="unseen_explained")
            unseen.plot(
                watched["step"], watched["unseen_explained"], "o-", color=ACCENT, alpha=0.7, markersize=3
            )
    loss.set(title="smooth-L1 loss", xlabel="step", ylim=(0, None))
    unseen.set(title="variance explained, unseen objects", xlabel="step")
    rank.set(title="effective rank of a batch's features", xlabel="step", ylim=(0, None))
    steps = [point.step for point in result.curve]
    for regime, colour in (("canonical", ACCENT), ("zz", SECOND)):
        reached = [getattr(point, regime) for point in result.curve]
        probe.plot(steps, reached, "o-", color=colour, markersize=4, label=f"tokens, {regime}")
        random = result.columns[regime].cells["random_weights"].mean
        probe.axhline(random, color=colour, linestyle=":", linewidth=1, label=f"random weights, {regime}")
    teacher = result.columns["canonical"].cells["teacher_views"].mean
    probe.axhline(teacher, color=PALE, linewidth=1, label="teacher, mean of views")
    probe.set(title="linear probe, cross-validated, %", xlabel="step")
    probe.legend(fontsize=7, frameon=False)
    figure.suptitle(f"{result.dataset}: pretraining on {' and '.join(result.datasets)}", fontsize=10)
    return figure
