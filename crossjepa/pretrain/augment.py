"""Augmentation of clouds together with their cameras.

Where a cloud is rotated or scaled its cameras are too, so that the teacher's embeddings stay right. Random
numbers are drawn for a whole batch and then divided among processes, so that one process and several see the
same clouds.
"""

from dataclasses import dataclass, replace
from math import pi

import torch
from torch import Generator, Tensor

from crossjepa.model.frames import about_up, any_rotation, normalise, rotate, rotate_cameras
from crossjepa.pretrain.settings import PretrainSettings

JITTER_LIMIT = 3.0  # standard deviations


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch: uniform in [0, 1), but for the noise.

    Attributes:
        noise: (B, N, 3) standard normal; None without jitter.
        views: (B, V), whose order is that of each object's views.
        points: (B, N), whose order is that of each cloud's points; None without partial clouds.
        rotated, cut, size: (B,) choose the objects to rotate, the share cut off and the scale.
        unused: (B,) drawn so that a seed gives the same results as in earlier versions.
        normal, rotation: (B, 3) choose the cutting plane and the rotation.
        branches: (B, residual branches) choose those to skip; None without stochastic depth.
    """

    noise: Tensor | None
    views: Tensor
    points: Tensor | None
    rotated: Tensor
    unused: Tensor
    cut: Tensor
    size: Tensor
    normal: Tensor
    rotation: Tensor
    branches: Tensor | None

    def __getitem__(self, rows: slice) -> "Draws":
        """The numbers of some of the batch's objects."""
        return replace(self, **{k: v[rows] for k, v in vars(self).items() if v is not None})


def draw(batch: int, views: int, branches: int, settings: PretrainSettings, generator: Generator) -> Draws:
    """Draw a batch's random numbers, on the generator's device.

    Args:
        batch: number of objects, B.
        views: views of each object, V.
        branches: residual branches of the networks.
        settings: `points`, `jitter`, `partial`, `drop_path`.
        generator: the only source of randomness.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, device=generator.device, generator=generator)

    shape = batch, settings.points, 3
    return Draws(
        noise=torch.randn(shape, device=generator.device, generator=generator) if settings.jitter else None,
        views=uniform(views),
        points=uniform(settings.points) if settings.partial else None,
        rotated=uniform(),
        unused=uniform(),
        cut=uniform(),
        size=uniform(),
        normal=uniform(3),
        rotation=uniform(3),
        branches=uniform(branches) if settings.drop_path else None,
    )


def cut_clouds(clouds: Tensor, draws: Draws, partial: float) -> Tensor:
    """Cut off a part of each cloud by a plane, as in a scan from one side; the rest is repeated to N points.

    The rest is fitted into the unit sphere, since a scan does not show the whole's centre. Cameras stay: they
    look at the centre of the whole.

    Args:
        clouds: (B, N, 3) in the unit sphere.
        draws: with `points`, `cut` and `normal`.
        partial: largest share of the points to cut off.

    Returns:
        (B, N, 3) in the unit sphere.
    """
    assert draws.points is not None
    size = clouds.shape[1]
    kept = size * (1 - partial * draws.cut)
    normal = any_rotation(draws.normal)[:, :, :1]
    depth = (clouds @ normal).squeeze(-1).argsort(1).argsort(1)
    order = (draws.points + (depth >= kept.unsqueeze(1))).argsort(1)  # points beyond the plane sort last
    repeated = torch.arange(size, device=clouds.device) % kept.long().clamp_min(1).unsqueeze(1)
    chosen = order.gather(1, repeated).unsqueeze(-1).expand(-1, -1, 3)
    return normalise(clouds.gather(1, chosen))[0]


def transform(
    points: Tensor, pose: Tensor, draws: Draws, settings: PretrainSettings
) -> tuple[Tensor, Tensor]:
    """Rotate, scale and jitter clouds; rotate their cameras and scale their distance with them.

    Args:
        points: (B, N, 3) clouds.
        pose: (B, V, 6) cameras.
        draws: random numbers of these clouds.
        settings: `rotation`, `rotated`, `scale`, `jitter`.

    Returns:
        (B, N, 3) clouds and (B, V, 6) cameras.
    """
    if settings.rotation != "none":
        about = about_up(2 * pi * draws.rotation[:, 0])
        rotation = about if settings.rotation == "up" else any_rotation(draws.rotation)
        chosen = (draws.rotated < settings.rotated)[:, None, None]
        rotation = torch.where(chosen, rotation, torch.eye(3, device=points.device))
        points, pose = rotate(points, rotation), rotate_cameras(pose, rotation)
    if settings.scale:
        size = (1 + settings.scale * (2 * draws.size - 1))[:, None, None]
        points = points * size
        pose = torch.cat([pose[..., :2], pose[..., 2:3] * size, pose[..., 3:]], dim=-1)
    if draws.noise is not None:
        points = points + settings.jitter * draws.noise.clamp(-JITTER_LIMIT, JITTER_LIMIT)
    return points, pose
