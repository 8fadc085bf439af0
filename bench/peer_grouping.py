"""Farthest points and patches against plain loops in numpy and torch, as most point networks have them.

Ours is fpsample's exact sampler, which begins with the point farthest from the centroid. Its bucketed
sampler is faster, but begins elsewhere than it is told to, so that an object's points would depend on the
order of its file.
"""

import fpsample
import numpy as np
import torch
from comparison import Comparison, Options
from numpy.typing import NDArray
from timing import time_rounds
from torch import Tensor

from crossjepa.data.sample import MOST_SHOWN, farthest_first
from crossjepa.model.grouping import group

Points = NDArray[np.float32]
CLOUDS, POINTS, GROUPS, SIZE = 32, 1024, 64, 32
SAMPLED = 8192


def numpy_farthest(points: Points, count: int) -> NDArray[np.int64]:
    """Rows of `count` farthest points of (N, 3) points."""
    chosen, distance = np.zeros(count, np.int64), np.full(len(points), np.inf)
    for step in range(1, count):
        offsets = points - points[chosen[step - 1]]
        distance = np.minimum(distance, (offsets**2).sum(1))
        chosen[step] = distance.argmax()
    return chosen


def torch_farthest(points: Tensor, count: int) -> Tensor:
    """(B, count) rows of farthest points of (B, N, 3) points."""
    clouds, newest = torch.arange(len(points)), torch.zeros(len(points), dtype=torch.long)
    chosen, distance = [newest], torch.full(points.shape[:2], torch.inf)
    for _ in range(count - 1):
        offsets = points - points[clouds, newest].unsqueeze(1)
        distance = torch.minimum(distance, (offsets**2).sum(-1))
        newest = distance.argmax(1)
        chosen.append(newest)
    return torch.stack(chosen, dim=1)


def numpy_group(points: Points, groups: int, size: int) -> NDArray[np.int64]:
    """(G, K) rows of the nearest points of farthest points of (N, 3) points."""
    centres = points[numpy_farthest(points, groups)]
    return ((centres[:, None] - points) ** 2).sum(-1).argsort(1)[:, :size]


def torch_group(points: Tensor, groups: int, size: int) -> tuple[Tensor, Tensor]:
    """(B, G, K, 3) offsets from patch centres, and (B, G, 3) centres, of (B, N, 3) points."""
    clouds = torch.arange(len(points))
    centres = points[clouds[:, None], torch_farthest(points, groups)]
    members = torch.cdist(centres, points).topk(size, largest=False).indices
    return points[clouds[:, None, None], members] - centres.unsqueeze(2), centres


def compare(options: Options) -> list[Comparison]:
    """Time cutting a batch into patches, and putting the points of a cloud in order."""
    clouds, cloud = torch.rand(CLOUDS, POINTS, 3), np.random.default_rng(0).random((SAMPLED, 3), np.float32)
    patches = {
        "ours": lambda: group(clouds, GROUPS, SIZE),
        "a loop in numpy": lambda: [numpy_group(each, GROUPS, SIZE) for each in clouds.numpy()],
        "a loop in torch": lambda: torch_group(clouds, GROUPS, SIZE),
    }
    order = {
        "ours": lambda: farthest_first(cloud),
        "fpsample, bucketed": lambda: fpsample.bucket_fps_kdline_sampling(
            cloud, MOST_SHOWN, h=5, start_idx=0
        ),
        "a loop in numpy": lambda: numpy_farthest(cloud, MOST_SHOWN),
        "a loop in torch": lambda: torch_farthest(torch.from_numpy(cloud)[None], MOST_SHOWN),
    }
    return [
        Comparison(
            f"{GROUPS} patches of {SIZE} points, of each of {CLOUDS} clouds of {POINTS}",
            time_rounds(patches, options.rounds),
        ),
        Comparison(f"{MOST_SHOWN} farthest points of {SAMPLED}", time_rounds(order, options.rounds)),
    ]
