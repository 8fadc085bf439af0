"""Few-shot trials in the two styles of the field.

Point-BERT (arXiv 2111.14819, section 4.2) trains on training objects and tests on test objects; CrossPoint
(arXiv 2203.00680, section 4.1) takes both from the training objects. In neither does a query share a group of
near-duplicates with an object trained on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crossjepa.probe.classifiers import Rows
from crossjepa.probe.objects import LabelledObjects

QUERIES = 20  # a class


class Pools(NamedTuple):
    """Rows that a trial's training objects and queries are drawn from; the two may overlap."""

    support: Rows
    queries: Rows


def point_bert_pools(objects: LabelledObjects) -> Pools:
    """Train on training objects, test on test objects."""
    return Pools(objects.train, objects.test)


def crosspoint_pools(objects: LabelledObjects) -> Pools:
    """Train and test on training objects, without groups that hold objects of several classes."""
    train = objects.train
    pairs = np.unique(np.stack([objects.groups[train], objects.labels[train]]), axis=1)
    classes = np.bincount(pairs[0])
    pure = train[classes[objects.groups[train]] == 1]
    return Pools(pure, pure)


def usable_classes(objects: LabelledObjects, pools: Pools, shot: int) -> list[int]:
    """Classes with `shot` objects to train on and, whichever these are, `QUERIES` objects of other groups.

    The worst draw takes its objects from the `shot` largest groups, and none of these can be queried.
    """

    def can_fill(label: int) -> bool:
        support, queries = (rows[objects.labels[rows] == label] for rows in pools)
        names, sizes = np.unique(objects.groups[queries], return_counts=True)
        spent = np.sort(sizes[np.isin(names, objects.groups[support])])[::-1][:shot].sum()
        return len(support) >= shot and len(queries) - spent >= QUERIES

    return [label for label in range(len(objects.classes)) if can_fill(label)]


def draw_trial(
    objects: LabelledObjects, pools: Pools, classes: Sequence[int], way: int, shot: int, seed: Sequence[int]
) -> tuple[Rows, Rows]:
    """Draw `way` classes, and of each `shot` objects to train on and `QUERIES` queries.

    Args:
        objects: the labelled objects.
        pools: the rows to draw from.
        classes: what `usable_classes` returned for `shot`.
        way, shot: classes, and training objects a class.
        seed: equal seeds draw equal trials.
    """
    rng = np.random.default_rng(seed)
    support, queries = [], []
    for label in rng.choice(classes, way, replace=False):
        drawn = rng.permutation(pools.support[objects.labels[pools.support] == label])[:shot]
        possible = rng.permutation(pools.queries[objects.labels[pools.queries] == label])
        support.append(drawn)
        queries.append(possible[~np.isin(objects.groups[possible], objects.groups[drawn])][:QUERIES])
    return np.concatenate(support), np.concatenate(queries)
