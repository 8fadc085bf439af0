"""Splits that keep every group on one side."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from crossjepa.errors import UserError
from crossjepa.probe.linear import Labels, Rows


@dataclass(frozen=True)
class Split:
    """Rows to train on, rows to test on, and folds of the training rows to choose C with."""

    train: Rows
    test: Rows
    inner: Sequence[tuple[Rows, Rows]]


def possible_folds(labels: Labels, groups: Labels, wanted: int) -> int:
    """`wanted`, or less: as many folds as the class with the most groups can reach into."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    return min(wanted, int(np.bincount(pairs[0]).max()))


def grouped_folds(
    labels: Labels, groups: Labels, rows: Rows, folds: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """Cut `rows` into folds of whole groups, each with about the same share of every class.

    A class with fewer groups than folds is missing from some of them.

    Args:
        labels, groups: (N,), read at `rows` only.
        rows: the rows to cut.
        folds: how many folds are wanted; `possible_folds` are made.
        seed: seeds the order in which groups are dealt out.

    Returns:
        For each fold, the rows outside it and its own.

    Raises:
        UserError: if the groups are too few to hold any out.
    """
    inside, cluster = labels[rows], groups[rows]
    folds = possible_folds(inside, cluster, folds)
    if folds < 2:
        raise UserError("probe: no class has two groups of objects to cross-validate with; label more")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        cut = [(rows[a], rows[b]) for a, b in splitter.split(rows, inside, cluster) if len(b)]
    if any(len(np.unique(labels[train])) < 2 for train, _ in cut):
        raise UserError("probe: a fold leaves a single class to train on; label more objects or groups")
    return cut


def folds_if_enough(
    labels: Labels, groups: Labels, rows: Rows, folds: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """`grouped_folds`; none where no class has `folds` groups, or a fold leaves a single class."""
    if possible_folds(labels[rows], groups[rows], folds) < folds:
        return []
    try:
        return grouped_folds(labels, groups, rows, folds, seed)
    except UserError:
        return []


def nested_folds(labels: Labels, groups: Labels, folds: int, seed: int) -> list[Split]:
    """Grouped folds over all rows, each with folds of its own training rows inside."""
    cut = grouped_folds(labels, groups, np.arange(len(labels)), folds, seed)
    return [Split(train, test, grouped_folds(labels, groups, train, folds, seed)) for train, test in cut]
