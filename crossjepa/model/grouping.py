"""Cutting a point cloud into overlapping patches: farthest-point centres and their neighbours.

Source: PointNet++ (arXiv 1706.02413) for both steps, Point-BERT (arXiv 2111.14819) for their use as tokens.
"""

import torch
from torch import Tensor


def farthest_points(cloud: Tensor, count: int) -> Tensor:
    """Farthest-point sampling.

    It starts with the point farthest from the centroid, so the result does not depend on the points' order.

    Args:
        cloud: (B, N, 3) coordinates.
        count: how many to pick, at most N.

    Returns:
        (B, count) int64 indices.
    """
    axes = cloud.permute(2, 0, 1).contiguous()  # sums over the first dimension are three times faster
    newest = (cloud - cloud.mean(1, keepdim=True)).square().sum(-1).argmax(1, keepdim=True)
    distance = torch.full(cloud.shape[:2], torch.inf, device=cloud.device)
    chosen = [newest]
    for _ in range(count - 1):
        # Few operations, since a GPU computes each in less time than it takes to start.
        offset = axes - axes.gather(2, newest.expand(3, -1, -1))
        distance = torch.minimum(distance, offset.square().sum(0))
        newest = distance.argmax(1, keepdim=True)
        chosen.append(newest)
    return torch.cat(chosen, dim=1)


def group(cloud: Tensor, groups: int, size: int) -> tuple[Tensor, Tensor]:
    """Indices of patch centres and of each centre's nearest points.

    Args:
        cloud: (B, N, 3) coordinates.
        groups: patches per cloud, G.
        size: points per patch, K.

    Returns:
        (B, G) int64 centres and (B, G, K) int64 members, both indexing the N points.
    """
    centres = farthest_points(cloud, groups)
    # Not by a matrix product, whose rounding would change which neighbours are nearest.
    distances = torch.cdist(take(cloud, centres), cloud, compute_mode="donot_use_mm_for_euclid_dist")
    return centres, distances.topk(size, dim=-1, largest=False).indices


def take(cloud: Tensor, indices: Tensor) -> Tensor:
    """Points (B, ..., 3) of `cloud` (B, N, 3) at `indices` (B, ...)."""
    flat = indices.flatten(1).long().unsqueeze(-1).expand(-1, -1, 3)
    return cloud.gather(1, flat).unflatten(1, indices.shape[1:])


def patches(cloud: Tensor, centres: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of patches relative to their centres.

    Args:
        cloud: (B, N, 3) coordinates.
        centres: (B, G) indices.
        members: (B, G, K) indices.

    Returns:
        (B, G, K, 3) offsets from the centre and (B, G, 3) centres.
    """
    positions = take(cloud, centres)
    return take(cloud, members) - positions.unsqueeze(2), positions
