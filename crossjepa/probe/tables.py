"""The result of any suite but `linear`: a view of its answers, as JSON and as Markdown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from crossjepa.probe.provenance import Background, last_record
from crossjepa.probe.result import METRICS, SYSTEMS, Question, Summary, TableResult, Trained
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.summary import summarise

TableSuite = Literal["few_shot", "label_efficiency", "benchmark", "sweep"]
TITLES = {"few_shot": "Few-shot classification", "label_efficiency": "Label efficiency"}
SPREADS = {"few_shot": "trials", "label_efficiency": "encoders and draws"}
CHOICE = " Choosing a variant by its accuracy would fit the test labels: choose by explained variance."


def table_result(
    table: pd.DataFrame,
    known: Background,
    settings: ProbeSettings,
    logs: Sequence[Path],
    variants: Mapping[str, Any],
) -> TableResult:
    """Summarise a table of answers.

    Args:
        table: the answers to all questions.
        known: the rest of the result.
        settings: of the bootstrap.
        logs: training logs of the encoders; there may be none.
        variants: changed settings of each variant of a sweep; used in a sweep only.
    """
    suite, origin = table.attrs["suite"], known.origins[0]
    asked = table[table["id"].astype(str) != ""]
    by_question = asked.groupby("question", observed=True)["id"].nunique()
    each = asked.groupby(["question", "regime", "system", "seed", "metric"], observed=True).size()
    answers = each.groupby("question", observed=True).max()
    return TableResult(
        **known.head,
        suite=suite,
        questions={
            name: Question(objects=by_question.get(name, 0), answers=answers.get(name, 0), **text)
            for name, text in table.attrs["questions"].items()
        },
        rows=summarise(table, settings),
        variants=dict(variants) if suite == "sweep" else {},
        pretraining=Trained(
            **{key: origin.get(key) for key in ("datasets", "objects", "epochs", "steps")},
            parameters=known.sizes.get("parameters"),
            seconds=float(np.mean([last_record(log)["seconds"] for log in logs])) if logs else None,
        ),
    )


def markdown(result: TableResult) -> str:
    """All accuracies, gains and other metrics as tables, and what each question means."""
    sweep = result.suite == "sweep"
    reference = "the variant `trained`" if sweep else "random weights"
    parts = [
        f"# {TITLES.get(result.suite, result.suite.capitalize())}: {result.dataset}",
        _introduction(result) + CHOICE * sweep,
    ]
    accuracies = [row for row in result.rows if row.metric == "accuracy"]
    others = [row for row in result.rows if row.metric != "accuracy"]
    for heading, rows, show in (
        ("", accuracies, _value),
        (f"Gain over {reference}, paired on the same objects and folds:", accuracies, _gain),
        ("Other metrics:", others, _value),
        (f"Difference from {reference}, paired by seed:", others, _gain),
    ):
        if shown := [row for row in rows if show(row)]:
            parts += [heading] * bool(heading) + ["\n".join(_grid(result, shown, show))]
    parts += ["\n".join(_questions(result))]
    if result.variants:
        parts += ["\n".join(_variants(result))]
    return "\n\n".join(parts) + "\n"


def _introduction(result: TableResult) -> str:
    known = result.pretraining
    size = f" of {known.parameters / 1e6:.1f}M parameters" if known.parameters else ""
    steps = f"{known.steps} steps" if known.steps else f"{known.epochs} epochs"
    time = f"; {known.seconds / 60:.1f} minutes a seed on {result.provenance.device}" if known.seconds else ""
    return (
        f"Accuracy in percent of classifiers on frozen features (protocol {result.protocol}), ± the standard "
        f"deviation over {SPREADS.get(result.suite, 'encoders')}, in brackets 95% intervals. Encoder{size}, "
        f"pretrained on {known.objects} objects of {' and '.join(known.datasets)} for {steps}; seeds "
        f"{', '.join(map(str, result.seeds))}; last checkpoints{time}."
    )


def _grid(result: TableResult, rows: list[Summary], show: Callable[[Summary], str]) -> Iterator[str]:
    """Lines of a table: a row a system, a column a question, regime and metric."""
    columns: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        columns.setdefault((row.question, row.regime, row.metric), {})[row.system] = show(row)
    regimes = {q: len({r for name, r, _ in columns if name == q and r}) for q, _, _ in columns}

    def title(question: str, regime: str, metric: str) -> str:
        """The question's title, and the regime or metric where the table has several."""
        parts = [result.questions[question].title]
        parts += ["z/z" if regime == "zz" else regime] * bool(regime and regimes[question] > 1)
        return ", ".join(parts + [METRICS[metric]] * (metric != "accuracy"))

    yield f"| | {' | '.join(title(*column) for column in columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    shown = dict.fromkeys(row.system for row in rows)
    for system in [s for s in SYSTEMS if s in shown] + [s for s in shown if s not in SYSTEMS]:
        cells = " | ".join(column.get(system, "") for column in columns.values())
        yield f"| {SYSTEMS.get(system, system)} | {cells} |"


def _value(row: Summary) -> str:
    spread = "" if row.sd is None else f" ± {row.sd:.1f}"
    interval = "" if row.ci95 is None else f" ({row.ci95[0]:.1f}, {row.ci95[1]:.1f})"
    return f"{row.mean:.1f}{spread}{interval}"


def _gain(row: Summary) -> str:
    """Empty for the reference."""
    if row.gain is None:
        return ""
    interval = "" if row.gain.ci95 is None else f" ({row.gain.ci95[0]:+.1f}, {row.gain.ci95[1]:+.1f})"
    return f"{row.gain.mean:+.1f}{interval}"


def _questions(result: TableResult) -> Iterator[str]:
    """What each question is, or why the data set cannot answer it."""
    for question in result.questions.values():
        yield f"- **{question.title}**: " + (
            f"{question.note}." if question.note else f"{question.description}; {question.objects} objects."
        )


def _variants(result: TableResult) -> Iterator[str]:
    """The settings that each variant of a sweep changes."""
    for name, changes in result.variants.items():
        keys = (f"`{part}.{k}: {v}`" for part, values in changes.items() for k, v in values.items())
        yield f"- **{name}**: {', '.join(keys)}"
