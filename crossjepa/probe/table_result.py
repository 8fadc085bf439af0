"""The results of all suites but `linear`: a view of their answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from crossjepa.probe.background import Background
from crossjepa.probe.provenance import last_record
from crossjepa.probe.result import Question, TableResult, Trained
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.summary import summarise

TableSuite = Literal["few_shot", "label_efficiency", "benchmark", "sweep"]


def table_result(
    suite: TableSuite,
    table: pd.DataFrame,
    known: Background,
    settings: ProbeSettings,
    logs: Sequence[Path],
    variants: Mapping[str, Any],
) -> TableResult:
    """Summarise a table of answers.

    Args:
        suite: of the answers.
        table: the answers to all its questions.
        known: the rest of the result.
        settings: of the bootstrap.
        logs: training logs of the encoders; there may be none.
        variants: changed settings of each variant of a sweep.
    """
    origin = known.origins[0]
    return TableResult(
        **known.head.model_dump(),
        suite=suite,
        questions={name: _question(table, name, text) for name, text in table.attrs["questions"].items()},
        rows=summarise(table, settings),
        variants=dict(variants) if suite == "sweep" else {},
        pretraining=Trained(
            datasets=origin.datasets,
            objects=origin.objects,
            epochs=origin.epochs,
            steps=origin.steps,
            parameters=known.encoder.get("parameters"),
            seconds=float(np.mean([last_record(log)["seconds"] for log in logs])) if logs else None,
        ),
        provenance=known.provenance,
    )


def _question(table: pd.DataFrame, name: str, text: dict[str, Any]) -> Question:
    asked = table[(table["question"] == name) & table["id"].astype(str).ne("")]
    encoder = asked.groupby(["regime", "system", "seed", "metric"], observed=True).size()
    answers = int(encoder.max()) if len(encoder) else 0
    return Question(objects=asked["id"].nunique(), answers=answers, **text)
