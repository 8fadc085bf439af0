"""Finding a view's object, among objects that pretraining saw and among objects that it did not."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.benchmark.result import Found, Retrieval
from crossjepa.errors import UserError
from crossjepa.probe.intervals import group_interval
from crossjepa.probe.settings import ProbeSettings
from crossjepa.store.bundle import read_bundle


def retrieve(distances: Path, catalog: Path, settings: ProbeSettings) -> Retrieval:
    """How often the nearest answer is the right object's, and how often it is among the nearest five.

    Args:
        distances: the bundle of one encoder's distances from views to objects.
        catalog: the data set's, for its groups of near-duplicates.
        settings: of the bootstrap.
    """
    galleries, attributes = read_bundle(distances)
    groups = pd.read_parquet(catalog).set_index("id")["group"]

    def found(name: str) -> Found:
        ids = attributes["ids"][name]
        return _found(galleries[name], groups.loc[ids].to_numpy(str), settings)

    return Retrieval(seen=found("seen"), unseen=found("unseen"))


def _found(distance: NDArray[np.float32], groups: NDArray[np.str_], settings: ProbeSettings) -> Found:
    """Rank each view's object among all: (N, V, N) distances, (N,) groups. Ties count by their chance."""
    if not np.isfinite(distance).all():
        raise UserError("retrieval: a distance is not a finite number; pretrain the encoder again")
    objects = np.arange(len(distance))
    own = distance[objects, :, objects][:, :, None]
    nearer, tied = (distance < own).sum(axis=-1), (distance == own).sum(axis=-1)

    def among(nearest: int) -> NDArray[np.float64]:
        return np.clip((nearest - nearer) / tied, 0, 1) * 100

    top1 = among(1).mean(axis=1)
    codes = np.unique(groups, return_inverse=True)[1]
    return Found(
        gallery=len(distance),
        queries=nearer.size,
        top1=float(top1.mean()),
        top5=float(among(5).mean()),
        ci95=group_interval(top1, codes, settings.bootstrap, settings.seed),
        chance=100 / len(distance),
    )
