"""Features to compare, joined to objects by id."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.store.bundle import Arrays, read_bundle
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

REGIMES = ("canonical", "zz")


@dataclass(frozen=True)
class Features:
    """Features of objects under one encoder.

    Attributes:
        path: where they were read from.
        ids: the objects' ids.
        regimes: (N, F) float32 by pose regime.
        attributes: what the bundle says of its encoder.
    """

    path: Path
    ids: list[str]
    regimes: Arrays
    attributes: dict[str, Any]

    def of(self, ids: Sequence[str]) -> Arrays:
        """The features of `ids`, in their order: (len(ids), F) float32 by regime.

        Raises:
            UserError: if a value is not finite.
        """
        row = {object_id: index for index, object_id in enumerate(self.ids)}
        rows = [row[object_id] for object_id in ids]
        chosen = {regime: values[rows].astype(np.float32) for regime, values in self.regimes.items()}
        for regime, values in chosen.items():
            if len(bad := np.flatnonzero(~np.isfinite(values).all(axis=1))):
                raise UserError(
                    f"{self.path}: the {regime} feature of {ids[bad[0]]} is not finite; extract it again"
                )
        return chosen


def bundled_features(path: Path, kind: str = "tokens", regimes: Sequence[str] = REGIMES) -> Features:
    """The features in a bundle that the features stage wrote.

    Args:
        path: the bundle.
        kind: `tokens`, pooled; or `imagined` from them.
        regimes: the pose regimes that are wanted.

    Raises:
        UserError: if the file is missing or lacks a regime.
    """
    arrays, attributes = read_bundle(path)
    names = {regime: f"{regime}_{kind}" for regime in regimes}
    if missing := [name for name in names.values() if name not in arrays]:
        raise UserError(f"{path}: has no {missing[0]} features; extract features again")
    return Features(path, attributes["ids"], {r: arrays[name] for r, name in names.items()}, attributes)


def beside(first: Arrays, second: Arrays) -> Arrays:
    """Two kinds of features of the same objects side by side, by the pose regimes of the first."""
    return {regime: np.hstack([values, second[regime]]) for regime, values in first.items()}


def teacher_features(store: Path) -> Features:
    """The teacher's mean view embedding of every object of a sealed target store.

    Views are of objects as the data set poses them, so there is a canonical regime only.
    """
    manifest = read_manifest(store)
    embedding = read_array(store, "embedding")
    kept = [row for row, object_id in enumerate(manifest.ids) if object_id not in manifest.set_aside]
    mean: NDArray[np.float32] = embedding[kept].mean(axis=1, dtype=np.float32)
    return Features(store, [manifest.ids[row] for row in kept], {"canonical": mean}, manifest.attributes)
