"""A sweep's result for people, in Markdown."""

from crossjepa.benchmark.sweep_result import MEASURES, Measure, SweepResult


def sweep_markdown(result: SweepResult) -> str:
    """A row a setting, a column a measure: means over seeds, and differences from the run's own settings."""
    measures = [measure for measure in MEASURES if measure in result.settings[0].measures]
    head = f"| setting | steps | {' | '.join(MEASURES[measure] for measure in measures)} |"
    lines = [
        f"| {setting.name} | {setting.steps} | "
        + " | ".join(_cell(setting.measures.get(measure)) for measure in measures)
        + " |"
        for setting in result.settings
    ]
    differing = [
        f"- **{setting.name}**: "
        + ", ".join(f"`{part}.{k}: {v}`" for part, keys in setting.changes.items() for k, v in keys.items())
        for setting in result.settings[1:]
    ]
    parts = [
        f"# Sweep: {result.dataset}",
        f"Means over the pretraining seeds {', '.join(map(str, result.seeds))}, and in brackets the "
        "difference from the run's own settings (the first row) with its 95% interval over seeds. Accuracies "
        "are of a linear classifier, in cross-validation where the data set has no split of its own; to "
        "choose a setting by them is to learn from test labels.",
        "\n".join([head, "|---|" + "---|" * (len(measures) + 1), *lines]),
        "\n".join(differing),
    ]
    return "\n\n".join(parts) + "\n"


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return ""
    shown = f"{measure.mean:.1f}"
    if measure.change is None:
        return shown if measure.sd is None else f"{shown} ± {measure.sd:.1f}"
    low, high = measure.change.ci95
    return f"{shown} ({measure.change.mean:+.1f}; {low:+.1f}, {high:+.1f})"
