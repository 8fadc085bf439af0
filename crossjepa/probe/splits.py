"""Rows to train on and to test on: no group of near-duplicates is ever on both sides."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from crossjepa.errors import UserError
from crossjepa.probe.classifiers import Labels, Rows
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.settings import ProbeSettings

QUERIES = 20  # test objects of each class in a few-shot trial


@dataclass(frozen=True)
class Split:
    """Rows to train on, rows to test on, and folds of the training rows to choose C with."""

    train: Rows
    test: Rows
    inner: Sequence[tuple[Rows, Rows]]


def possible_folds(labels: Labels, groups: Labels, wanted: int) -> int:
    """Number of folds, capped by the group count of the class with most groups."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    return min(wanted, int(np.bincount(pairs[0]).max()))


def grouped_folds(
    labels: Labels, groups: Labels, rows: Rows, folds: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """Cut `rows` into folds of whole groups, stratified by class.

    A class with fewer groups than folds is missing from some of them.

    Args:
        labels, groups: (N,), read at `rows` only.
        rows: the rows to cut.
        folds: number of folds, capped by `possible_folds`.
        seed: seeds the order of the groups.

    Returns:
        For each fold the rows outside it and the rows in it.

    Raises:
        UserError: if there are too few groups.
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


def inner_folds(
    labels: Labels, groups: Labels, train: Rows, folds: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """Folds of training rows to choose C with, or none if there are too few groups for `folds` folds."""
    if possible_folds(labels[train], groups[train], folds) == folds:
        with suppress(UserError):
            return grouped_folds(labels, groups, train, folds, seed)
    return []


def choosing_C(objects: LabelledObjects, train: Rows, test: Rows, folds: int, seed: int) -> Split:
    """A split with folds to choose C with, or none if there are too few groups for `folds` folds."""
    return Split(train, test, inner_folds(objects.labels, objects.groups, train, folds, seed))


def repeated_folds(objects: LabelledObjects, settings: ProbeSettings) -> list[Split]:
    """Repeated grouped cross-validation over all objects; C is chosen in folds of each training part."""
    labels, groups, folds = objects.labels, objects.groups, settings.folds
    return [
        Split(train, test, grouped_folds(labels, groups, train, folds, seed))
        for seed in range(settings.seed, settings.seed + settings.repeats)
        for train, test in grouped_folds(labels, groups, np.arange(len(labels)), folds, seed)
    ]


def library_splits(objects: LabelledObjects, settings: ProbeSettings) -> list[Split]:
    """One split for each library that shares a class with others: test on it, train on the others.

    Test rows omit classes that no other library has; training rows omit near-duplicates of the library's
    objects. Empty if there is a single library.
    """
    splits = []
    for library in np.unique(objects.libraries):
        inside = objects.libraries == library
        outside = ~inside & ~np.isin(objects.groups, objects.groups[inside])
        test = np.flatnonzero(inside & np.isin(objects.labels, objects.labels[outside]))
        train = np.flatnonzero(outside)
        if len(test) and len(np.unique(objects.labels[train])) > 1:
            splits.append(choosing_C(objects, train, test, settings.folds, settings.seed))
    return splits


def few_labels(objects: LabelledObjects, shots: int, settings: ProbeSettings) -> list[Split]:
    """The repeated folds with at most `shots` training objects a class: too few to choose C with."""
    splits = []
    for number, split in enumerate(repeated_folds(objects, settings)):
        order = np.random.default_rng([settings.seed, number]).permutation(split.train)
        drawn = [order[objects.labels[order] == label][:shots] for label in np.unique(objects.labels[order])]
        splits.append(Split(np.sort(np.concatenate(drawn)), split.test, []))
    return splits


def nested_subsets(
    labels: Labels, groups: Labels, train: Rows, percents: Sequence[int], seed: int
) -> list[Rows]:
    """Draw each percentage of the training objects, the smaller subsets inside the larger.

    Each class's groups are shuffled, and the first are taken until they hold the wanted share of its objects.
    Groups stay whole, so a share may be a little larger; every class keeps at least one object.

    Args:
        labels, groups: (N,), read at `train` only.
        train: the rows to draw from.
        percents: ascending shares in percent.
        seed: seeds the order.
    """
    rng, inside, cluster = np.random.default_rng(seed), labels[train], groups[train]
    needed = np.full(cluster.max() + 1, 100.0)  # the percentage above which a group is taken
    for label in np.unique(inside):
        names, sizes = np.unique(cluster[inside == label], return_counts=True)
        order = rng.permutation(len(names))
        before = np.cumsum(sizes[order]) - sizes[order]
        needed[names[order]] = np.minimum(needed[names[order]], 100 * before / sizes.sum())
    return [train[needed[cluster] < percent] for percent in percents]


def crosspoint_pools(objects: LabelledObjects) -> tuple[Rows, Rows]:
    """The rows to train on and to test on in CrossPoint's trials (arXiv 2203.00680, section 4.1).

    Both are the training objects, without groups that hold objects of several classes.
    """
    train = objects.train
    pairs = np.unique(np.stack([objects.groups[train], objects.labels[train]]), axis=1)
    classes = np.bincount(pairs[0])
    pure = train[classes[objects.groups[train]] == 1]
    return pure, pure


def usable_classes(objects: LabelledObjects, pools: tuple[Rows, Rows], shot: int) -> list[int]:
    """Classes that can fill any trial: `shot` training objects and `QUERIES` objects of other groups.

    The worst draw trains on objects of the `shot` largest groups, which then cannot give queries.
    """

    def can_fill(label: int) -> bool:
        support, queries = (rows[objects.labels[rows] == label] for rows in pools)
        names, sizes = np.unique(objects.groups[queries], return_counts=True)
        spent = np.sort(sizes[np.isin(names, objects.groups[support])])[::-1][:shot].sum()
        return len(support) >= shot and len(queries) - spent >= QUERIES

    return [label for label in range(len(objects.classes)) if can_fill(label)]


def draw_trial(
    objects: LabelledObjects,
    pools: tuple[Rows, Rows],
    classes: Sequence[int],
    way: int,
    shot: int,
    seed: Sequence[int],
) -> tuple[Rows, Rows]:
    """Draw `way` classes, and of each `shot` objects to train on and `QUERIES` queries of other groups.

    Args:
        objects: the labelled objects.
        pools: rows to draw training objects from, and queries; the two may overlap.
        classes: what `usable_classes` returned for `shot`.
        way, shot: number of classes, and of training objects per class.
        seed: equal seeds draw equal trials.
    """
    rng = np.random.default_rng(seed)
    support, queries = [], []
    for label in rng.choice(classes, way, replace=False):
        drawn = rng.permutation(pools[0][objects.labels[pools[0]] == label])[:shot]
        possible = rng.permutation(pools[1][objects.labels[pools[1]] == label])
        support.append(drawn)
        queries.append(possible[~np.isin(objects.groups[possible], objects.groups[drawn])][:QUERIES])
    return np.concatenate(support), np.concatenate(queries)
