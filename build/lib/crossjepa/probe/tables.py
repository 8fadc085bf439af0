"""The result of any suite but `linear`: a view of its answers, as JSON and as Markdown."""

from collections.abc import Callable, Mapping, Sequence
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
REGIMES = {"zz": "z/z"}
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
    trained: dict[str, Any] = {key: origin.get(key) for key in ("datasets", "objects", "epochs", "steps")}
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
            **trained,
            parameters=known.sizes.get("parameters"),
            seconds=float(np.mean([last_record(log)["seconds"] for log in logs])) if logs else None,
        ),
    )


def markdown(result: TableResult) -> str:
    """All numbers and gains as tables, and what each question means."""
    reference = "the variant `trained`, paired by seed"
    if result.suite != "sweep":
        reference = "random weights, paired on the same objects and folds"
    parts = [
        f"# {TITLES.get(result.suite, result.suite.capitalize())}: {result.dataset}",
        _introduction(result),
        _grid(result, result.rows, _value),
    ]
    if gains := [row for row in result.rows if row.gain]:
        parts += [f"Gain over {reference}:", _grid(result, gains, _gain)]
    lines = [
        f"- **{q.title}**: {q.note or f'{q.description}; {q.objects} objects'}."
        for q in result.questions.values()
    ]
    for name, changes in result.variants.items():
        keys = (f"`{part}.{k}: {v}`" for part, values in changes.items() for k, v in values.items())
        lines.append(f"- **{name}**: {', '.join(keys)}")
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def _introduction(result: TableResult) -> str:
    known = result.pretraining
    size = f" of {known.parameters / 1e6:.1f}M parameters" if known.parameters else ""
    steps = f"{known.steps} steps" if known.steps else f"{known.epochs} epochs"
    time = f"; {known.seconds / 60:.1f} minutes a seed on {result.provenance.device}" if known.seconds else ""
    text = (
        f"Accuracy in percent of classifiers on frozen features (protocol {result.protocol}), ± the standard "
        f"deviation over {SPREADS.get(result.suite, 'encoders')}, in brackets 95% intervals. Encoder{size}, "
        f"pretrained on {known.objects} objects of {' and '.join(known.datasets)} for {steps}; seeds "
        f"{', '.join(map(str, result.seeds))}; last checkpoints{time}."
    )
    return text + CHOICE if result.suite == "sweep" else text


def _grid(result: TableResult, rows: list[Summary], show: Callable[[Summary], str]) -> str:
    """A row a system, a column a question, regime and metric."""
    columns: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        columns.setdefault((row.question, row.regime, row.metric), {})[row.system] = show(row)
    regimes = {(row.question, row.regime) for row in rows if row.regime}
    several = {q for q, _ in regimes if len([r for name, r in regimes if name == q]) > 1}
    titles = [
        result.questions[question].title
        + (f", {REGIMES.get(regime, regime)}" if regime and question in several else "")
        + (f", {METRICS[metric]}" if metric != "accuracy" else "")
        for question, regime, metric in columns
    ]
    lines = [["", *titles], ["---"] * (len(titles) + 1)]
    order = {system: rank for rank, system in enumerate(SYSTEMS)}
    shown = sorted(dict.fromkeys(row.system for row in rows), key=lambda s: order.get(s, len(order)))
    lines += [[SYSTEMS.get(s, s), *(column.get(s, "") for column in columns.values())] for s in shown]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _value(row: Summary) -> str:
    spread = "" if row.sd is None else f" ± {row.sd:.1f}"
    interval = "" if row.ci95 is None else " ({:.1f}, {:.1f})".format(*row.ci95)
    return f"{row.mean:.1f}{spread}{interval}"


def _gain(row: Summary) -> str:
    gain = row.gain
    if gain is None:
        return ""
    return f"{gain.mean:+.1f}" + (" ({:+.1f}, {:+.1f})".format(*gain.ci95) if gain.ci95 else "")
