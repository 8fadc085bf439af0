"""Features of every cloud in a store under a frozen encoder."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.features.regimes import REGIMES, pose_clouds
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.frames import normalise_in_place
from crossjepa.model.imagine import Imagination
from crossjepa.model.transformer import pool
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays
from crossjepa.store.points import read_points
from crossjepa.store.seal import read_manifest

BATCH = {"cpu": 32, "cuda": 512}


def load_clouds(store: Path, array: Literal["xyz", "first"], points: int) -> tuple[list[str], Tensor]:
    """Ids and (N, points, 3) clouds of a sealed point store, as stored, except objects that were set aside.

    Args:
        store: the store.
        array: see `read_points`.
        points: points of each cloud.
    """
    rows = read_manifest(store).rows
    return [*rows], torch.from_numpy(read_points(store, array, points, [*rows.values()]))


def read_clouds(store: Path, cloud: str) -> tuple[list[str], Tensor]:
    """Ids and (N, P, 3) clouds as the option `--cloud` asks for them.

    Args:
        store: a sealed point store.
        cloud: `farthest:P`, the farthest points, normalised; or `first:P`, the first of the file, as stored.

    Raises:
        UserError: if `cloud` is neither, or the store keeps fewer points.
    """
    asked = re.fullmatch(r"(farthest|first):0*([1-9]\d*)", cloud)
    if not asked:
        raise UserError(f"--cloud {cloud}: must be farthest:N or first:N, with N points")
    if asked[1] == "first":
        return load_clouds(store, "first", int(asked[2]))
    ids, clouds = load_clouds(store, "xyz", int(asked[2]))
    normalise_in_place(clouds)
    return ids, clouds


def extract(
    clouds: Tensor, ids: list[str], seed: int, describe: Callable[[Tensor], Arrays], device_type: str = "cpu"
) -> Arrays:
    """Extract features of clouds in every regime.

    Args:
        clouds: (N, P, 3), +Y up.
        ids: their N ids.
        seed: seeds the rotations of `zz` and the cuts of `partial`.
        describe: maps (B, P, 3) clouds to (B, F) features of one or several kinds.
        device_type: "cpu" or "cuda", where `describe` computes; a GPU gets larger batches.

    Returns:
        (N, F) float32 features under `<regime>_<kind>`.
    """
    size, features = BATCH[device_type], Arrays()
    starts = range(0, len(ids), size)
    for regime in REGIMES:
        rows = []
        for start in track(starts, len(starts), f"features, {regime}", "batch"):
            part = slice(start, start + size)
            rows.append(describe(pose_clouds(clouds[part], ids[part], regime, seed)))
        features |= {f"{regime}_{kind}": np.concatenate([row[kind] for row in rows]) for kind in rows[0]}
    return features


def describe_with(
    encoder: PointEncoder, imagination: Imagination | None, device: torch.device
) -> Callable[[Tensor], Arrays]:
    """A function from clouds to features that runs the frozen networks, in float32, on a device.

    Args:
        encoder: for the features `tokens`: maximum and mean over tokens, concatenated.
        imagination: for the features `imagined`: the predicted embedding, averaged over views all around.
        device: where to compute.
    """
    encoder = encoder.to(device).eval()
    imagination = imagination.to(device).eval() if imagination else None

    def describe(clouds: Tensor) -> Arrays:
        with torch.inference_mode():
            tokens = encoder.tokens(clouds.to(device))
            features = {"tokens": pool(tokens)}
            if imagination:
                features["imagined"] = imagination(tokens)
        return {kind: values.cpu().numpy() for kind, values in features.items()}

    return describe
