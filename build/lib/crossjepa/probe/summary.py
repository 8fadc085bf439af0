"""From the table of answers to means, deviations, intervals and paired gains."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from crossjepa.probe.intervals import bootstrap_intervals, student_intervals
from crossjepa.probe.result import Difference95, Summary
from crossjepa.probe.settings import ProbeSettings

KEYS = ("question", "regime", "metric")
# What standard deviations are over, in suites where that is not the seeds.
UNITS = {"few_shot": ["split"], "label_efficiency": ["split", "seed"]}


def summarise(table: pd.DataFrame, settings: ProbeSettings) -> list[Summary]:
    """Summarise every metric of every system in every question and regime.

    Args:
        table: answers; see `answers`.
        settings: of the bootstrap.
    """
    parts = table.groupby(list(KEYS), sort=False, observed=True)
    suite = table.attrs["suite"]
    return [
        row
        for key, part in parts
        for row in _summaries(part, dict(zip(KEYS, map(str, key), strict=True)), suite, settings)
    ]


def _summaries(
    part: pd.DataFrame, key: dict[str, str], suite: str, settings: ProbeSettings
) -> Iterator[Summary]:
    """A row for each system; `part` is one metric in one question and regime."""
    systems = part.groupby("system", sort=False, observed=True)
    seeds = {str(system): count for system, count in systems["seed"].nunique().items()}
    units = part.pivot_table("value", UNITS.get(suite, ["seed"]), "system", observed=True)
    answers = part.pivot_table("value", ["split", "id", "group"], "system", observed=True)
    # A sweep compares encoders of the same seed; all other suites compare answers about the same object.
    compared = units if suite == "sweep" else answers
    references = {system: _reference(system, suite) for system in seeds}
    gains = pd.DataFrame(
        {s: compared[s] - compared[r] for s, r in references.items() if r in units and r != s}
    )
    own = {} if suite == "sweep" else _intervals(answers, key["question"], suite, settings)
    paired = _intervals(gains, key["question"], suite, settings)
    for system, count in seeds.items():
        gain = None
        if system in gains and gains[system].notna().any():
            over = units[system] - units[references[system]] if suite in ("few_shot", "sweep") else None
            gain = Difference95(mean=gains[system].mean(), sd=_deviation(over), ci95=paired[system])
        yield Summary(
            **key,
            system=system,
            mean=units[system].mean(),
            sd=_deviation(units[system]),
            ci95=own.get(system),
            seeds=count,
            gain=gain,
        )


def _reference(system: str, suite: str) -> str:
    """The system that a gain is over."""
    return ":".join(["trained", *system.split(":")[1:]]) if suite == "sweep" else "random_encoder"


def _intervals(
    scores: pd.DataFrame, question: str, suite: str, settings: ProbeSettings
) -> dict[str, tuple[float, float] | None]:
    """The interval of each column's mean; None where there is too little to compute it from."""
    if scores.empty:
        return {}
    if suite == "sweep":  # seeds are independent
        columns = [scores[[system]].dropna() for system in scores]
        ends = np.concatenate([student_intervals(gain, np.arange(len(gain))) for gain in columns])
    elif question == "library":  # objects of one library are no sample of other libraries' objects
        ends = student_intervals(scores, scores.index.get_level_values("split").to_numpy())
    else:
        groups = scores.index.get_level_values("group").to_numpy()
        ends = bootstrap_intervals(scores, groups, settings.bootstrap, settings.seed)
    return {
        name: None if np.isnan(low) else (low, high)
        for name, (low, high) in zip(map(str, scores), ends, strict=True)
    }


def _deviation(units: pd.Series | None) -> float | None:
    return None if units is None or units.count() < 2 else float(units.std())
