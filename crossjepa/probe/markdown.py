"""A table result for people, in Markdown."""

from collections.abc import Callable

from crossjepa.probe.result import METRICS, SYSTEMS, Summary, TableResult

TITLES = {
    "few_shot": "Few-shot classification",
    "label_efficiency": "Label efficiency",
    "benchmark": "Benchmark",
    "sweep": "Sweep",
}
SPREADS = {"few_shot": "trials", "label_efficiency": "encoders and draws"}
Column = tuple[str, str, str]  # question, regime, metric


def markdown(result: TableResult) -> str:
    """All accuracies, gains and other metrics as tables, and what each question means."""
    accuracies = [row for row in result.rows if row.metric == "accuracy"]
    others = [row for row in result.rows if row.metric != "accuracy"]
    reference = "the variant `trained`" if result.suite == "sweep" else "random weights"
    parts = [f"# {TITLES[result.suite]}: {result.dataset}", _introduction(result)]
    parts += [_grid(result, accuracies, _value)]
    if gains := [row for row in accuracies if row.gain]:
        parts += [
            f"Gain over {reference}, paired on the same objects and folds:",
            _grid(result, gains, _gain),
        ]
    if others:
        parts += ["Other metrics:", _grid(result, others, _value)]
    if changed := [row for row in others if row.gain]:
        parts += [f"Difference from {reference}, paired by seed:", _grid(result, changed, _gain)]
    parts += ["\n".join(_questions(result))]
    if result.variants:
        parts += ["\n".join(_variants(result))]
    return "\n\n".join(parts) + "\n"


def _introduction(result: TableResult) -> str:
    known = result.pretraining
    size = f" of {known.parameters / 1e6:.1f}M parameters" if known.parameters else ""
    steps = f" for {known.steps} steps" if known.steps else f" for {known.epochs} epochs"
    time = f"; {known.seconds / 60:.1f} minutes a seed on {result.provenance.device}" if known.seconds else ""
    text = (
        f"Accuracy in percent of classifiers on frozen features (protocol {result.protocol}), ± the standard "
        f"deviation over {SPREADS.get(result.suite, 'encoders')}, in brackets 95% intervals. Encoder{size}, "
        f"pretrained on {known.objects} objects of {' and '.join(known.datasets)}{steps}; seeds "
        f"{', '.join(map(str, result.seeds))}; last checkpoints{time}."
    )
    if result.suite == "sweep":
        text += " Choosing a variant by its accuracy would fit the test labels: choose by explained variance."
    return text


def _grid(result: TableResult, rows: list[Summary], show: Callable[[Summary], str]) -> str:
    """A row a system, a column a question, regime and metric."""
    columns: list[Column] = list(dict.fromkeys((row.question, row.regime, row.metric) for row in rows))
    cells = {(row.system, row.question, row.regime, row.metric): show(row) for row in rows}
    named = [*SYSTEMS, *(row.system for row in rows)]
    systems = [s for s in dict.fromkeys(named) if any(row.system == s for row in rows)]
    lines = [
        f"| | {' | '.join(_title(result, rows, column) for column in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for system in systems:
        shown = " | ".join(cells.get((system, *column), "") for column in columns)
        lines.append(f"| {SYSTEMS.get(system, system)} | {shown} |")
    return "\n".join(lines)


def _title(result: TableResult, rows: list[Summary], column: Column) -> str:
    """The question's title, and the regime or metric where the table has several."""
    question, regime, metric = column
    parts = [result.questions[question].title]
    if regime and len({row.regime for row in rows if row.question == question and row.regime}) > 1:
        parts.append("z/z" if regime == "zz" else regime)
    if metric != "accuracy":
        parts.append(METRICS[metric])
    return ", ".join(parts)


def _value(row: Summary) -> str:
    spread = "" if row.sd is None else f" ± {row.sd:.1f}"
    interval = "" if row.ci95 is None else f" ({row.ci95[0]:.1f}, {row.ci95[1]:.1f})"
    return f"{row.mean:.1f}{spread}{interval}"


def _gain(row: Summary) -> str:
    if row.gain is None:
        return ""
    interval = "" if row.gain.ci95 is None else f" ({row.gain.ci95[0]:+.1f}, {row.gain.ci95[1]:+.1f})"
    return f"{row.gain.mean:+.1f}{interval}"


def _questions(result: TableResult) -> list[str]:
    """What each question is, or why the data set cannot answer it."""
    return [
        f"- **{q.title}**: {q.note}." if q.note else f"- **{q.title}**: {q.description}; {q.objects} objects."
        for q in result.questions.values()
    ]


def _variants(result: TableResult) -> list[str]:
    """The settings that each variant of a sweep changes."""
    return [
        f"- **{name}**: "
        + ", ".join(f"`{part}.{k}: {v}`" for part, keys in changes.items() for k, v in keys.items())
        for name, changes in result.variants.items()
    ]
