"""Features of every cloud in a store under a frozen encoder."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.features.regimes import REGIMES, pose_clouds
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.frames import normalise_in_place
from crossjepa.model.grouping import group, patches
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
    clouds: Tensor,
    ids: list[str],
    seed: int,
    describe: Callable[[Tensor], Sequence[Arrays]],
    device_type: str = "cpu",
) -> list[Arrays]:
    """Extract features of clouds in every regime.

    Args:
        clouds: (N, P, 3), +Y up.
        ids: their N ids.
        seed: seeds the rotations of `zz` and the cuts of `partial`.
        describe: maps (B, P, 3) clouds to what each of some encoders says of them: (B, F) features of one or
            several kinds.
        device_type: "cpu" or "cuda", where `describe` computes; a GPU gets larger batches.

    Returns:
        For each encoder (N, F) float32 features under `<regime>_<kind>`.
    """
    size, features = BATCH[device_type], {}
    starts = range(0, len(ids), size)
    for regime in REGIMES:
        batches = (
            slice(start, start + size) for start in track(starts, len(starts), f"features, {regime}", "batch")
        )
        rows = [describe(pose_clouds(clouds[part], ids[part], regime, seed)) for part in batches]
        features[regime] = [_joined(parts) for parts in zip(*rows, strict=True)]
    return [
        {
            f"{regime}_{kind}": rows
            for regime, of in zip(REGIMES, each, strict=True)
            for kind, rows in of.items()
        }
        for each in zip(*features.values(), strict=True)
    ]


def describe_with(
    encoders: Sequence[PointEncoder], imagination: Imagination | None, device: torch.device
) -> Callable[[Tensor], list[Arrays]]:
    """A function from clouds to features that runs frozen networks, in float32, on a device.

    Args:
        encoders: of one size, so that clouds are cut into patches once for all of them. Each gives the
            features `tokens`: maximum and mean over tokens, concatenated.
        imagination: for the features `imagined`: the predicted embedding, averaged over views all around.
        device: where to compute.
    """
    encoders = [encoder.to(device).eval() for encoder in encoders]
    imagination = imagination.to(device).eval() if imagination else None
    (size,) = {encoder.config for encoder in encoders}

    @torch.inference_mode()
    def describe(clouds: Tensor) -> list[Arrays]:
        clouds = clouds.to(device)
        cut = patches(clouds, *group(clouds, size.groups, size.group_size))
        described = []
        for encoder in encoders:
            tokens = encoder(*cut)
            features = {"tokens": pool(tokens)} | ({"imagined": imagination(tokens)} if imagination else {})
            described.append({kind: values.cpu().numpy() for kind, values in features.items()})
        return described

    return describe


def _joined(parts: Sequence[Arrays]) -> Arrays:
    """The rows of all batches."""
    return {kind: np.concatenate([part[kind] for part in parts]) for kind in parts[0]}
