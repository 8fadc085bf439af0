"""Features of every cloud in a store under a frozen encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from crossjepa.features.regimes import REGIMES, pose_clouds
from crossjepa.model.encoder import PointEncoder
from crossjepa.pretrain.clouds import load_clouds, load_first
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays
from crossjepa.store.seal import read_manifest

BATCH = 32


Selection = Literal["farthest", "first"]


def kept_clouds(store: Path, selection: Selection, points: int) -> tuple[list[str], Tensor]:
    """Ids and (N, points, 3) clouds of a sealed point store, without those that were set aside.

    Args:
        store: the store.
        selection: the farthest points, in the unit sphere; or the file's first ones, untouched.
        points: how many points.
    """
    manifest = read_manifest(store)
    kept = [row for row, object_id in enumerate(manifest.ids) if object_id not in manifest.set_aside]
    load = load_clouds if selection == "farthest" else load_first
    return [manifest.ids[row] for row in kept], load(store, points)[kept]


def in_every_regime(
    clouds: Tensor, ids: list[str], turn_seed: int, describe: Callable[[Tensor], NDArray[np.float32]]
) -> Arrays:
    """Describe clouds in every pose regime.

    Args:
        clouds: (N, P, 3), +Y up.
        ids: their N ids.
        turn_seed: seeds the turns of `zz`.
        describe: from (B, P, 3) clouds to (B, F) features.

    Returns:
        (N, F) float32 features by regime.
    """
    features: Arrays = {}
    for regime in REGIMES:
        batches = pose_clouds(clouds, ids, regime, turn_seed).split(BATCH)
        rows = [describe(batch) for batch in track(batches, len(batches), f"features, {regime}", "batch")]
        features[regime] = np.concatenate(rows)
    return features


def encode_with(encoder: PointEncoder) -> Callable[[Tensor], NDArray[np.float32]]:
    """A describer that runs the frozen encoder, in float32, on whatever device there is."""
    fabric = Fabric(accelerator="auto", devices=1)
    model = encoder.to(fabric.device).eval()

    def describe(clouds: Tensor) -> NDArray[np.float32]:
        with torch.inference_mode():
            features: NDArray[np.float32] = model.pooled(clouds.to(fabric.device)).cpu().numpy()
        return features

    return describe
