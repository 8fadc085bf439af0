"""From the table of answers to means, deviations, intervals and paired gains."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.probe.intervals import GroupBootstrap, Scores, cluster_interval, student_interval
from crossjepa.probe.result import Difference95, Summary
from crossjepa.probe.settings import ProbeSettings


@dataclass(frozen=True)
class Cell:
    """One metric of one system in one question and regime.

    Attributes:
        values: (seeds, answers).
        splits, groups: (answers,) split and group of near-duplicates of each answer.
        units: the numbers that the mean and the deviation are over.
    """

    values: Scores
    splits: NDArray[np.int64]
    groups: NDArray[np.str_]
    units: Scores


def summarise(table: pd.DataFrame, settings: ProbeSettings) -> list[Summary]:
    """Summarise every metric of every system in every question and regime.

    Args:
        table: answers; see `answers`.
        settings: of the bootstrap.
    """
    suite, summaries = table.attrs["suite"], []
    keys = ["question", "regime", "metric"]
    for (question, regime, metric), part in table.groupby(keys, sort=False, observed=True):
        cells = {
            str(system): _cell(rows, suite, table.attrs["ids"] if question == "cross_validation" else None)
            for system, rows in part.groupby("system", sort=False, observed=True)
        }
        interval = _interval(suite, str(question), next(iter(cells.values())), settings)
        for system, cell in cells.items():
            mean, seeds = cell.values.mean(axis=0), len(cell.values)
            summaries.append(
                Summary(
                    question=str(question),
                    regime=str(regime),
                    system=system,
                    metric=str(metric),
                    mean=float(cell.units.mean()),
                    sd=_deviation(cell.units),
                    ci95=interval(mean) if interval else None,
                    seeds=seeds,
                    gain=_gain(system, cells, suite, interval),
                )
            )
    return summaries


def _cell(rows: pd.DataFrame, suite: str, ids: list[str] | None) -> Cell:
    """One system's rows; with `ids`, the repeats' answers about an object are averaged, in their order."""
    seeds = [seed for _, seed in rows.groupby("seed", sort=False)]
    values = np.stack([seed["value"].to_numpy(float) for seed in seeds])
    splits, groups = seeds[0]["split"].to_numpy(), seeds[0]["group"].to_numpy(str)
    if ids is not None:
        order = np.argsort(pd.Index(ids).get_indexer(pd.Index(seeds[0]["id"])), kind="stable")
        values = values[:, order].reshape(len(values), len(ids), -1).mean(axis=2)
        splits, groups = (column[order][:: len(order) // len(ids)] for column in (splits, groups))
    if suite in ("few_shot", "label_efficiency"):
        by_split = np.array([values[:, splits == split].mean(axis=1) for split in np.unique(splits)])
        units = by_split.mean(axis=1) if suite == "few_shot" else by_split.ravel()
    else:
        units = values.mean(axis=1)
    return Cell(values, splits, groups, units)


def _interval(
    suite: str, question: str, cell: Cell, settings: ProbeSettings
) -> Callable[[Scores], tuple[float, float] | None] | None:
    """The interval over objects of a question's scores; none in a sweep, which compares seeds."""
    if suite == "sweep":
        return None
    if question == "library":  # objects of one library are no independent sample of other libraries' objects
        return partial(cluster_interval, clusters=cell.splits)
    return GroupBootstrap(cell.groups, settings.bootstrap, settings.seed)


def _gain(
    system: str,
    cells: dict[str, Cell],
    suite: str,
    interval: Callable[[Scores], tuple[float, float] | None] | None,
) -> Difference95 | None:
    """The paired difference from the reference; none for the reference itself, or without one."""
    reference = "random_encoder" if interval else ":".join(["trained", *system.split(":")[1:]])
    ours, theirs = cells[system], cells.get(reference)
    if theirs is None or system == reference:
        return None
    if interval:
        difference = ours.values.mean(axis=0) - theirs.values.mean(axis=0)
        spread = _deviation(ours.units - theirs.units) if suite == "few_shot" else None
        return Difference95(mean=float(difference.mean()), sd=spread, ci95=interval(difference))
    if len(ours.units) != len(theirs.units):
        return None
    change = ours.units - theirs.units
    return Difference95(mean=float(change.mean()), sd=_deviation(change), ci95=student_interval(change))


def _deviation(units: Scores) -> float | None:
    return float(units.std(ddof=1)) if len(units) > 1 else None
