"""The plot of accuracy over the share of training labels."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossjepa.probe.label_efficiency_result import LabelEfficiencyResult
from crossjepa.report.figures import ACCENT, SECOND, THIRD, new_figure

SYSTEMS = {
    "encoder": ("pretrained encoder", ACCENT, "o"),
    "random_encoder": ("random weights", SECOND, "s"),
    "teacher_views": ("teacher, mean of views", THIRD, "^"),
}
REGIMES = {"canonical": "canonical pose", "zz": "turned about up (z/z)"}


def efficiency_curves(result: LabelEfficiencyResult) -> Figure:
    """One panel a pose regime, one line a system; bands are a standard deviation over draws and seeds.

    Points stand at the share that was drawn, which is more than asked for where classes are small.
    """
    figure = new_figure(8, 3.4)
    panels = figure.subplots(1, len(REGIMES), sharey=True)
    for axes, (regime, title) in zip(panels, REGIMES.items(), strict=True):
        for system in SYSTEMS:
            _draw(axes, result, system, regime)
        percents = [fraction.percent for fraction in result.fractions]
        axes.set_xscale("log")
        axes.set_xticks(percents, [f"{percent}" for percent in percents])
        axes.minorticks_off()
        axes.set(xlabel="training labels, %", title=title)
        axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    panels[0].set(ylabel="accuracy, %")
    panels[0].set_ylim(bottom=0)
    panels[0].legend(frameon=False, loc="lower right")
    figure.suptitle(f"{result.dataset}: {result.n_train} labels, {result.n_test} test objects", fontsize=10)
    return figure


def _draw(axes: Axes, result: LabelEfficiencyResult, system: str, regime: str) -> None:
    label, colour, mark = SYSTEMS[system]
    shares = [100 * np.mean([draw.n_objects for draw in f.draws]) / result.n_train for f in result.fractions]
    given = [(s, all) for s, f in zip(shares, result.fractions, strict=True) if (all := getattr(f, system))]
    points = [(percent, scores) for percent, all in given if (scores := getattr(all, regime)) is not None]
    if not points:
        return
    percents = np.array([percent for percent, _ in points])
    means = np.array([score.mean for _, score in points])
    spreads = np.array([score.sd or 0.0 for _, score in points])
    axes.plot(percents, means, color=colour, marker=mark, markersize=4, linewidth=1.5, label=label)
    axes.fill_between(percents, means - spreads, means + spreads, color=colour, alpha=0.18, linewidth=0)
