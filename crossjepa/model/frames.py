"""Changes of frame for clouds and their cameras: rotation, centring, scaling.

A camera is a row of 6 numbers: azimuth and elevation in radians, distance from the origin, up vector. It
stands at distance * (cos(el) sin(az), sin(el), cos(el) cos(az)) in a right-handed frame, +Y up.
"""

from math import pi

import torch
from torch import Tensor

AT_A_TIME = 4096  # clouds


def about_up(angle: Tensor) -> Tensor:
    """(B,) angles in radians -> (B, 3, 3) right-handed rotations about +Y, for column vectors."""
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, zero, sin, zero, one, zero, -sin, zero, cos]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def any_rotation(uniform: Tensor) -> Tensor:
    """(B, 3) numbers, uniform in [0, 1) -> (B, 3, 3) rotations, uniform over SO(3).

    Source: Shoemake 1992, "Uniform random rotations", Graphics Gems III,
    https://doi.org/10.1016/B978-0-08-050755-2.50036-1.
    """
    first, second = 2 * pi * uniform[:, 1], 2 * pi * uniform[:, 2]
    low, high = (1 - uniform[:, 0]).sqrt(), uniform[:, 0].sqrt()
    x, y, z, w = low * first.sin(), low * first.cos(), high * second.sin(), high * second.cos()
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def rotate(points: Tensor, rotation: Tensor) -> Tensor:
    """Rotate (B, ..., 3) points by (B, 3, 3) rotations."""
    rotated = points.flatten(1, -2) @ rotation.to(points.dtype).transpose(1, 2)
    return rotated.view_as(points)


def normalise(clouds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fit clouds into the unit sphere.

    Args:
        clouds: (B, N, 3) points in any frame, or a single cloud (N, 3). Give coordinates that are far from
            the origin, such as a map's, in float64: float32 would round the object away.

    Returns:
        (B, N, 3) clouds, mean at the origin and farthest point at distance 1; the (B, 3) means and the (B,)
        distances of the farthest points from them, in the given frame. Without B for a single cloud; of the
        given dtype. See `move_cameras`.
    """
    centre = clouds.mean(-2)
    centred = clouds - centre.unsqueeze(-2)
    radius = centred.norm(dim=-1).amax(-1)
    return centred / radius[..., None, None], centre, radius


def normalise_in_place(clouds: Tensor) -> tuple[Tensor, Tensor]:
    """Fit (B, N, 3) clouds into the unit sphere without a second copy of them all.

    Returns:
        The (B, 3) means and (B,) distances that `normalise` returns.
    """
    frames = []
    for some in clouds.split(AT_A_TIME):
        fitted, centre, radius = normalise(some)
        some.copy_(fitted)
        frames.append((centre, radius))
    centres, radii = zip(*frames, strict=True)
    return torch.cat(centres), torch.cat(radii)


def towards_camera(pose: Tensor) -> Tensor:
    """(..., 6) cameras -> (..., 3) unit vectors from the origin towards them."""
    azimuth, elevation = pose[..., 0], pose[..., 1]
    level = elevation.cos()
    return torch.stack([level * azimuth.sin(), elevation.sin(), level * azimuth.cos()], dim=-1)


def rotate_cameras(pose: Tensor, rotation: Tensor) -> Tensor:
    """Rotate (B, V, 6) cameras, up vectors too, about the origin by (B, 3, 3) rotations."""
    angles = _angles(rotate(towards_camera(pose), rotation))
    return torch.cat([angles, pose[..., 2:3], rotate(pose[..., 3:], rotation)], dim=-1)


def move_cameras(pose: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
    """Express cameras in the frame of a normalised cloud; relative to the object they do not move.

    Args:
        pose: (B, V, 6) cameras in the frame that the cloud had before `normalise`.
        centre, radius: (B, 3) and (B,), as `normalise` returns them.

    Returns:
        (B, V, 6): azimuth, elevation and distance are relative to the cloud's centre; up vectors stay.
    """
    position = pose[..., 2:3] * towards_camera(pose)
    position = (position - centre.unsqueeze(1)) / radius[:, None, None]
    distance = position.norm(dim=-1, keepdim=True)
    return torch.cat([_angles(position / distance), distance, pose[..., 3:]], dim=-1)


def _angles(direction: Tensor) -> Tensor:
    """(..., 3) unit vectors -> (..., 2) azimuth and elevation in radians."""
    x, y, z = direction.unbind(-1)
    return torch.stack([torch.atan2(x, z), y.clamp(-1, 1).asin()], dim=-1)
