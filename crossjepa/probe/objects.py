"""The labelled objects that a probe may use."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.errors import UserError


@dataclass(frozen=True)
class LabelledObjects:
    """Labelled objects that every compared system has features of.

    Attributes:
        ids: (N,) ids in the catalog's order.
        classes: the classes' names, sorted.
        labels: (N,) int64 index into `classes`.
        group_names: the groups' names, sorted.
        groups: (N,) int64 index into `group_names`; near-duplicates share a group.
        digests: (N,) SHA-256 of each object's file; empty if it has none.
        libraries: (N,) name of the library that each object comes from; empty if unknown.
        train, test: rows of the fixed split.
        split_given: whether the fixed split is the data set's official one.
        left_out: number of labelled objects that lack features in at least one system.
    """

    ids: NDArray[np.str_]
    classes: NDArray[np.str_]
    labels: NDArray[np.int64]
    group_names: NDArray[np.str_]
    groups: NDArray[np.int64]
    digests: NDArray[np.str_]
    libraries: NDArray[np.str_]
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    split_given: bool
    left_out: int

    def seen_by(self, heads: Collection[str]) -> NDArray[np.bool_]:
        """(N,) whether the first 16 hex digits of an object's digest are among `heads`."""
        return np.array([digest != "" and digest[:16] in heads for digest in self.digests])

    @property
    def copies_in_train(self) -> int:
        """Number of test objects with the same file as a training object."""
        trained = self.digests[self.train]
        return int(np.isin(self.digests[self.test], trained[trained != ""]).sum())


def labelled_ids(catalog: Path) -> set[str]:
    """Ids of all objects of a catalog with a class."""
    table = pd.read_parquet(catalog, columns=["id", "class"])
    return set(table.loc[table["class"] != "", "id"])


def labelled_objects(catalog: Path, available: Collection[str]) -> LabelledObjects:
    """The catalog's labelled objects among `available` ids.

    Raises:
        UserError: if they are too few to train and test on, or a group is in both train and test.
    """
    table = pd.read_parquet(catalog)
    labelled = table[table["class"] != ""]
    used = labelled[labelled["split"].isin(["train", "test"]) & labelled["id"].isin(list(available))]
    train, test = (used[used["split"] == side] for side in ("train", "test"))
    if train["class"].nunique() < 2 or test.empty:
        raise UserError(f"{catalog}: a probe needs labelled test objects and two classes to train on")
    if unknown := sorted(set(test["class"]) - set(train["class"])):
        raise UserError(f"{catalog}: no training object of class {unknown[0]!r}, only test ones; split again")
    if torn := sorted(set(test["group"]) & set(train["group"])):
        raise UserError(f"{catalog}: group {torn[0]!r} is in both train and test; split again")
    classes, labels = np.unique(used["class"].to_numpy(str), return_inverse=True)
    names, groups = np.unique(used["group"].to_numpy(str), return_inverse=True)
    return LabelledObjects(
        ids=used["id"].to_numpy(str),
        classes=classes,
        labels=labels.astype(np.int64),
        group_names=names,
        groups=groups.astype(np.int64),
        digests=used["sha256"].to_numpy(str),
        libraries=used["source"].to_numpy(str) if "source" in used else np.full(len(used), ""),
        train=np.flatnonzero(used["split"] == "train"),
        test=np.flatnonzero(used["split"] == "test"),
        split_given="split_given" in used and bool(used["split_given"].any()),
        left_out=len(labelled) - len(used),
    )
