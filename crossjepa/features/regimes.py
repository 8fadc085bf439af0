"""The poses and states in which clouds are shown to a frozen encoder.

`canonical` is the pose the data set gives; in `zz` each cloud is turned by its own seeded angle about the
up axis, as users' unaligned meshes are (named in RIConv, arXiv 1908.06297); in `partial` a plane of seeded
direction cuts off a part of each cloud, and the rest is noisy, as in a scan.
"""

import hashlib
from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from crossjepa.model.rotation import about_up, any_rotation, rotate
from crossjepa.pretrain.clouds import normalised

REGIMES = ("canonical", "zz", "partial")
CUT = 0.4  # share of the points
NOISE = 0.01  # deviation, in radii of the unit sphere


def chance(ids: Sequence[str], seed: int, numbers: int) -> Tensor:
    """(len(ids), numbers) float32 in [0, 1), each fixed by its object's id and the seed; 5 at most."""
    digests = [hashlib.sha256(f"{seed}:{object_id}".encode()).digest() for object_id in ids]
    drawn = [[int.from_bytes(d[6 * k : 6 * k + 6]) / 2**48 for k in range(numbers)] for d in digests]
    return torch.tensor(drawn, dtype=torch.float32).view(len(ids), numbers)


def turn_angles(ids: Sequence[str], seed: int) -> Tensor:
    """(len(ids),) float32 angles in [0, 2 pi), each fixed by its object's id and the seed."""
    return 2 * pi * chance(ids, seed, 1)[:, 0]


def cut_clouds(clouds: Tensor, ids: Sequence[str], seed: int) -> Tensor:
    """Clouds (B, N, 3) less the points beyond a plane, with noise; points are repeated to be N again.

    They are brought back into the unit sphere: a scan does not know the whole's centre and size.
    """
    drawn = chance(ids, seed, 5)
    normal = any_rotation(drawn[:, 1:4])[:, :, :1]
    order = (clouds @ normal).squeeze(-1).argsort(1)
    kept = round((1 - CUT) * clouds.shape[1])
    place = torch.arange(clouds.shape[1]) % kept
    left = clouds.gather(1, order[:, place].unsqueeze(-1).expand(-1, -1, 3))
    noise = [
        torch.randn(kept, 3, generator=torch.Generator().manual_seed(int(mark * 2**31)))
        for mark in drawn[:, 4].tolist()
    ]
    left = left + NOISE * torch.stack(noise)[:, place]
    return normalised(left)


def pose_clouds(clouds: Tensor, ids: Sequence[str], regime: str, seed: int) -> Tensor:
    """Clouds (B, N, 3) in the poses of a regime."""
    if regime == "canonical":
        return clouds
    if regime == "zz":
        return rotate(clouds, about_up(turn_angles(ids, seed)))
    return cut_clouds(clouds, ids, seed)
