"""The poses in which clouds are shown to a frozen encoder.

`canonical` is the pose the data set gives; in `zz` each cloud is turned by its own seeded angle about the
up axis, as users' unaligned meshes are (named in RIConv, arXiv 1908.06297).
"""

import hashlib
from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from crossjepa.model.rotation import turn_points

REGIMES = ("canonical", "zz")


def turn_angles(ids: Sequence[str], seed: int) -> Tensor:
    """(len(ids),) float32 angles in [0, 2 pi), each fixed by its object's id and the seed."""
    heads = [hashlib.sha256(f"{seed}:{object_id}".encode()).digest()[:6] for object_id in ids]
    return torch.tensor([int.from_bytes(head) / 2**48 * 2 * pi for head in heads], dtype=torch.float32)


def pose_clouds(clouds: Tensor, ids: Sequence[str], regime: str, seed: int) -> Tensor:
    """Clouds (B, N, 3) in the poses of a regime."""
    return clouds if regime == "canonical" else turn_points(clouds, turn_angles(ids, seed))
