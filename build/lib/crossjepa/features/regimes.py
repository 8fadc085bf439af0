"""The regimes: how clouds are changed before their features are extracted.

`canonical` leaves the data set's pose; `zz` rotates each cloud about the up axis by a seeded angle, like
users' unaligned meshes (the name is RIConv's, arXiv 1908.06297); `partial` cuts off a part of each cloud by a
plane of seeded direction and adds noise, as in a scan.
"""

import hashlib
from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from crossjepa.model.frames import about_up, any_rotation, normalise, rotate

REGIMES = ("canonical", "zz", "partial")
CUT = 0.4  # share of the points
NOISE = 0.01  # standard deviation, in radii of the unit sphere


def uniform(ids: Sequence[str], seed: int, numbers: int) -> Tensor:
    """(len(ids), numbers) float32 in [0, 1), set by each object's id and the seed; at most 5."""
    digests = [hashlib.sha256(f"{seed}:{object_id}".encode()).digest() for object_id in ids]
    drawn = [[int.from_bytes(d[6 * k : 6 * k + 6]) / 2**48 for k in range(numbers)] for d in digests]
    return torch.tensor(drawn, dtype=torch.float32).view(len(ids), numbers)


def rotation_angles(ids: Sequence[str], seed: int) -> Tensor:
    """(len(ids),) float32 angles in [0, 2 pi), which depend only on each object's id and the seed."""
    return 2 * pi * uniform(ids, seed, 1)[:, 0]


def cut_clouds(clouds: Tensor, ids: Sequence[str], seed: int) -> Tensor:
    """Cut the points beyond a plane from (B, N, 3) clouds, add noise to the rest and repeat it to N points.

    The rest is fitted into the unit sphere, since a scan does not show the whole object's centre and size.
    """
    drawn = uniform(ids, seed, 5)
    normal = any_rotation(drawn[:, 1:4])[:, :, :1]
    order = (clouds @ normal).squeeze(-1).argsort(1)
    kept = round((1 - CUT) * clouds.shape[1])
    repeated = torch.arange(clouds.shape[1]) % kept
    rest = clouds.gather(1, order[:, repeated].unsqueeze(-1).expand(-1, -1, 3))
    noise = [
        torch.randn(kept, 3, generator=torch.Generator().manual_seed(int(number * 2**31)))
        for number in drawn[:, 4].tolist()
    ]
    return normalise(rest + NOISE * torch.stack(noise)[:, repeated])[0]


def pose_clouds(clouds: Tensor, ids: Sequence[str], regime: str, seed: int) -> Tensor:
    """Change (B, N, 3) clouds as a regime says."""
    if regime == "canonical":
        return clouds
    if regime == "zz":
        return rotate(clouds, about_up(rotation_angles(ids, seed)))
    return cut_clouds(clouds, ids, seed)
