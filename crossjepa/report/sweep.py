"""A sweep's settings beside one another."""

from matplotlib.figure import Figure

from crossjepa.benchmark.sweep_result import MEASURES, SweepResult
from crossjepa.report.figures import ACCENT, PALE, SECOND, new_figure

DRAWN = ("unseen_explained", "tokens_canonical", "tokens_zz")


def sweep_bars(result: SweepResult) -> Figure:
    """For each measure a dot a setting, with the interval of its difference from the run's own settings.

    A single seed gives no interval.
    """
    drawn = [measure for measure in DRAWN if measure in result.settings[0].measures]
    names = [setting.name for setting in result.settings]
    figure = new_figure(4 * len(drawn), 1.2 + 0.28 * len(names))
    axes = figure.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
    for axis, measure in zip(axes, drawn, strict=True):
        own = result.settings[0].measures[measure]
        axis.axvline(own.mean, color=PALE, linewidth=1)
        for place, setting in enumerate(result.settings):
            reached = setting.measures.get(measure)
            if reached is None:
                continue
            if reached.change is not None:
                low, high = (own.mean + end for end in reached.change.ci95)
                axis.plot([low, high], [place, place], color=ACCENT, linewidth=1.4)
            axis.plot(reached.mean, place, "o", color=SECOND if place == 0 else ACCENT, markersize=5)
        axis.set(title=MEASURES[measure])
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    figure.suptitle(
        f"{result.dataset}: {len(result.seeds)} seeds; bars: 95% of the difference from '{names[0]}'",
        fontsize=10,
    )
    return figure
