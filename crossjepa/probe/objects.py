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
        ids: (N) ids in the catalog's order.
        classes: the classes' names, sorted.
        labels: (N,) int64 index into `classes`.
        groups: (N,) int64 index of the group; near-duplicates share one.
        digests: (N,) SHA-256 of each object's file; empty where there is none.
        train, test: rows of the fixed split.
        split_given: whether that is the data set's own split.
        left_out: labelled objects of the catalog that some system has no features of.
    """

    ids: list[str]
    classes: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    digests: NDArray[np.str_]
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    split_given: bool
    left_out: int

    def seen_by(self, heads: Collection[str]) -> NDArray[np.bool_]:
        """(N,) whether the digest of an object's file begins with one of `heads`, 16 hex digits each."""
        return np.array([digest != "" and digest[:16] in heads for digest in self.digests])

    @property
    def copies_in_train(self) -> int:
        """How many test objects have the same file as a training object."""
        trained = self.digests[self.train]
        return int(np.isin(self.digests[self.test], trained[trained != ""]).sum())


def labelled_objects(catalog: Path, available: Collection[str]) -> LabelledObjects:
    """The catalog's labelled objects among `available` ids.

    Raises:
        UserError: if nothing can be learned from them, or a group lies on both sides of the split.
    """
    table = pd.read_parquet(catalog)
    labelled = table[table["class"] != ""]
    used = labelled[labelled["split"].isin(["train", "test"]) & labelled["id"].isin(list(available))]
    if used.empty:
        raise UserError(f"{catalog}: no labelled object has features; see its class and split columns")
    train, test = (used[used["split"] == side] for side in ("train", "test"))
    if train["class"].nunique() < 2 or test.empty:
        raise UserError(f"{catalog}: a probe needs two classes to train on and objects to test; label more")
    if unknown := sorted(set(test["class"]) - set(train["class"])):
        raise UserError(f"{catalog}: no training object of class {unknown[0]!r}, only test ones; split anew")
    if torn := sorted(set(test["group"]) & set(train["group"])):
        raise UserError(f"{catalog}: group {torn[0]!r} is in both train and test; split anew")
    classes, labels = np.unique(used["class"].to_numpy(str), return_inverse=True)
    return LabelledObjects(
        ids=used["id"].tolist(),
        classes=classes.tolist(),
        labels=labels.astype(np.int64),
        groups=np.unique(used["group"].to_numpy(str), return_inverse=True)[1].astype(np.int64),
        digests=used["sha256"].to_numpy(str),
        train=np.flatnonzero(used["split"] == "train"),
        test=np.flatnonzero(used["split"] == "test"),
        split_given="split_given" in used and bool(used["split_given"].any()),
        left_out=len(labelled) - len(used),
    )
