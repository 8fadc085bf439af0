"""Turning a cloud about the up axis, and its cameras with it."""

import torch
from torch import Tensor


def about_up(angle: Tensor) -> Tensor:
    """(B,) angles in radians -> (B, 3, 3) right-handed rotations about +Y, for column vectors."""
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, zero, sin, zero, one, zero, -sin, zero, cos]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def turn_points(points: Tensor, angle: Tensor) -> Tensor:
    """Turn (B, ..., 3) points by (B,) radians about +Y."""
    turned = points.flatten(1, -2) @ about_up(angle).to(points.dtype).transpose(1, 2)
    return turned.view_as(points)


def turn_cameras(pose: Tensor, angle: Tensor) -> Tensor:
    """Turn (B, V, 6) cameras by (B,) radians about +Y: the azimuth grows, the up vector turns."""
    up = turn_points(pose[..., 3:], angle)
    return torch.cat([pose[..., :1] + angle[:, None, None], pose[..., 1:3], up], dim=-1)
