"""Features of every cloud in a store under a frozen encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.features.regimes import REGIMES, pose_clouds
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.imagine import Imagination
from crossjepa.model.transformer import pool
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
    clouds: Tensor, ids: list[str], turn_seed: int, describe: Callable[[Tensor], Arrays]
) -> Arrays:
    """Describe clouds in every pose regime.

    Args:
        clouds: (N, P, 3), +Y up.
        ids: their N ids.
        turn_seed: seeds the turns of `zz` and the cuts of `partial`.
        describe: from (B, P, 3) clouds to (B, F) features of one kind or several.

    Returns:
        (N, F) float32 features under `<regime>_<kind>`.
    """
    features: Arrays = {}
    for regime in REGIMES:
        batches = pose_clouds(clouds, ids, regime, turn_seed).split(BATCH)
        rows = [describe(batch) for batch in track(batches, len(batches), f"features, {regime}", "batch")]
        features |= {f"{regime}_{kind}": np.concatenate([row[kind] for row in rows]) for kind in rows[0]}
    return features


def describe_with(
    encoder: PointEncoder, imagination: Imagination | None, block: int | None
) -> Callable[[Tensor], Arrays]:
    """A describer that runs the frozen networks, in float32, on whatever device there is.

    Args:
        encoder: gives `tokens`: their maximum beside their mean.
        imagination: gives `imagined`: the embedding expected of the teacher, all around.
        block: after which tokens are read, from 1; the last when None. Views are imagined from the last.

    Raises:
        UserError: if the encoder has fewer blocks.
    """
    if block and block > len(encoder.blocks):
        raise UserError(f"features.block: {block}, but the encoder has {len(encoder.blocks)} blocks")
    device = Fabric(accelerator="auto", devices=1).device
    encoder = encoder.to(device).eval()
    imagination = imagination.to(device).eval() if imagination else None

    def describe(clouds: Tensor) -> Arrays:
        with torch.inference_mode():
            tokens = encoder.tokens(clouds.to(device))
            features = {"tokens": pool(encoder.tokens(clouds.to(device), block) if block else tokens)}
            if imagination:
                features["imagined"] = imagination(tokens)
        return {kind: values.cpu().numpy() for kind, values in features.items()}

    return describe
