"""Rotating a cloud, and its cameras with it."""

from math import pi

import torch
from torch import Tensor


def about_up(angle: Tensor) -> Tensor:
    """(B,) angles in radians -> (B, 3, 3) right-handed rotations about +Y, for column vectors."""
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, zero, sin, zero, one, zero, -sin, zero, cos]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def any_rotation(chance: Tensor) -> Tensor:
    """(B, 3) numbers, uniform in [0, 1) -> (B, 3, 3) rotations, uniform over SO(3).

    Source: Shoemake 1992, "Uniform random rotations", Graphics Gems III,
    https://doi.org/10.1016/B978-0-08-050755-2.50036-1.
    """
    first, second = 2 * pi * chance[:, 1], 2 * pi * chance[:, 2]
    low, high = (1 - chance[:, 0]).sqrt(), chance[:, 0].sqrt()
    x, y, z, w = low * first.sin(), low * first.cos(), high * second.sin(), high * second.cos()
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def rotate(points: Tensor, rotation: Tensor) -> Tensor:
    """Rotate (B, ..., 3) points by (B, 3, 3) rotations."""
    turned = points.flatten(1, -2) @ rotation.to(points.dtype).transpose(1, 2)
    return turned.view_as(points)


def towards_camera(pose: Tensor) -> Tensor:
    """(..., 6) cameras -> (..., 3) unit vectors from the object's centre to each."""
    azimuth, elevation = pose[..., 0], pose[..., 1]
    level = elevation.cos()
    return torch.stack([level * azimuth.sin(), elevation.sin(), level * azimuth.cos()], dim=-1)


def rotate_cameras(pose: Tensor, rotation: Tensor) -> Tensor:
    """Rotate (B, V, 6) cameras about the object's centre by (B, 3, 3) rotations, their up vectors too."""
    x, y, z = rotate(towards_camera(pose), rotation).unbind(-1)
    angles = torch.stack([torch.atan2(x, z), y.clamp(-1, 1).asin()], dim=-1)
    return torch.cat([angles, pose[..., 2:3], rotate(pose[..., 3:], rotation)], dim=-1)
