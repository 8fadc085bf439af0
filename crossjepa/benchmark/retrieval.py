"""Finding a view's object, among objects that pretraining saw and among the same ones when it did not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.benchmark.evidence import SplitBundle
from crossjepa.benchmark.result import Found, Retrieval
from crossjepa.config import ProbeConfig
from crossjepa.probe.intervals import group_interval
from crossjepa.store.bundle import read_bundle


@dataclass(frozen=True)
class Distances:
    """One encoder's distances from views to objects.

    Attributes:
        distance: (N, V, N) float32: of each object's views, to each object's imagined embedding.
        unseen: (N,) whether pretraining left the object out.
        groups: (N,) the objects' groups.
        ids: their ids.
    """

    distance: NDArray[np.float32]
    unseen: NDArray[np.bool_]
    groups: NDArray[np.str_]
    ids: list[str]


def read_distances(split: SplitBundle) -> Distances:
    """What one split's encoder imagines, and which objects it never saw."""
    arrays, attributes = read_bundle(split.retrieval)
    table = pd.read_parquet(split.catalog).set_index("id").loc[attributes["ids"]]
    unseen = (table["split"] == "test").to_numpy()
    return Distances(arrays["distance"], unseen, table["group"].to_numpy(str), attributes["ids"])


def retrieve(splits: Sequence[SplitBundle], gallery: int, settings: ProbeConfig) -> Retrieval | None:
    """Retrieve among `gallery` objects, each answered for by the first encoder that did not see it, and again
    by the first that did.

    Args:
        splits: of each, the catalog and the distances of the encoder trained without its test objects.
        gallery: how many objects.
        settings: of the bootstrap.

    Returns:
        None where fewer objects than that were left out by some split and seen by another.
    """
    encoders = [read_distances(split) for split in splits]
    unseen = np.stack([encoder.unseen for encoder in encoders])
    drawn = np.flatnonzero(unseen.any(axis=0) & ~unseen.all(axis=0))[:gallery]
    if len(drawn) < gallery:
        return None
    distance, groups = np.stack([encoder.distance for encoder in encoders]), encoders[0].groups

    def found(answers: NDArray[np.bool_]) -> Found:
        by = answers.argmax(axis=0)  # the first encoder of each object
        table = np.stack([distance[by[column], :, :, column][drawn] for column in drawn], axis=-1)
        own = np.arange(len(drawn))
        nearer = (table < table[own, :, own][:, :, None]).sum(axis=-1)
        top1 = 100.0 * (nearer == 0).mean(axis=1)
        return Found(
            gallery=len(drawn),
            queries=nearer.size,
            top1=float(top1.mean()),
            top5=float(100 * (nearer < 5).mean()),
            ci95=group_interval(
                top1, np.unique(groups[drawn], return_inverse=True)[1], settings.bootstrap, settings.seed
            ),
            chance=100 / len(drawn),
        )

    return Retrieval(seen=found(~unseen), unseen=found(unseen))
