"""Changing a cloud without changing what its cameras see, but for partial views.

Where a cloud is turned or scaled, its cameras turn and move with it, so that the teacher's embeddings stay
the right answer. Chance is drawn for a whole batch and then shared out, so that one process and several
see the same clouds.
"""

from dataclasses import dataclass, replace
from math import pi

import torch
from torch import Generator, Tensor

from crossjepa.model.rotation import about_up, any_rotation, rotate, rotate_cameras
from crossjepa.pretrain.clouds import normalised
from crossjepa.pretrain.settings import PretrainSettings

JITTER_LIMIT = 3.0  # deviations


@dataclass(frozen=True)
class Chance:
    """The random numbers of a batch, uniform in [0, 1) but for the noise.

    Attributes:
        views: (B, V) that order each object's views.
        points: (B, M) that order each cloud's points; none where the points are not drawn.
        rotated, dropped, cut, size: (B,) that choose whom to rotate, shares and sizes.
        normal, rotation: (B, 3) that choose the cutting plane and the pose.
        noise: (B, N, 3) standard normal; none without jitter.
        branches: (B, residual branches) that choose those left out; none without stochastic depth.
    """

    views: Tensor
    points: Tensor | None
    rotated: Tensor
    dropped: Tensor
    cut: Tensor
    size: Tensor
    normal: Tensor
    rotation: Tensor
    noise: Tensor | None
    branches: Tensor | None

    def __getitem__(self, rows: slice) -> "Chance":
        """The numbers of some of the batch's objects."""
        return replace(self, **{k: v[rows] for k, v in vars(self).items() if v is not None})


def redraws_points(settings: PretrainSettings) -> bool:
    """Whether each step draws its own points, and so cuts its own patches."""
    return bool(settings.resample or settings.dropout or settings.partial)


def draw_chance(
    batch: int, views: int, points: int, settings: PretrainSettings, generator: Generator, branches: int = 0
) -> Chance:
    """Draw a batch's random numbers, on the generator's device.

    Args:
        batch: objects, B.
        views: views of each, V.
        points: points of each cloud, M.
        settings: what is to be drawn at all.
        generator: the only source of chance.
        branches: residual branches of the networks.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, device=generator.device, generator=generator)

    noise = None
    if settings.jitter:
        shape = batch, settings.points, 3
        noise = torch.randn(shape, device=generator.device, generator=generator)
    return Chance(
        views=uniform(views),
        points=uniform(points) if redraws_points(settings) else None,
        rotated=uniform(),
        dropped=uniform(),
        cut=uniform(),
        size=uniform(),
        normal=uniform(3),
        rotation=uniform(3),
        noise=noise,
        branches=uniform(branches) if settings.drop_path else None,
    )


def draw_points(clouds: Tensor, chance: Chance, settings: PretrainSettings) -> Tensor:
    """Draw the points that a step sees; where fewer are left than wanted, they are repeated.

    A partial cloud is cut by a plane and brought back into the unit sphere, as a scan that knows no centre
    of the whole would be. Its cameras stay: they look at the centre of the whole.

    Args:
        clouds: (B, M, 3) in the unit sphere.
        chance: of these clouds, points among it.
        settings: `points`, `dropout`, `partial`.

    Returns:
        (B, points, 3) in the unit sphere.
    """
    assert chance.points is not None
    stored, order = clouds.shape[1], chance.points
    kept = stored * (1 - settings.partial * chance.cut)
    if settings.partial:
        normal = any_rotation(chance.normal)[:, :, :1]
        depth = (clouds @ normal).squeeze(-1).argsort(1).argsort(1)
        order = order + (depth >= kept.unsqueeze(1))  # those beyond the plane come last
    wanted = kept.clamp_max(settings.points) * (1 - settings.dropout * chance.dropped)
    place = torch.arange(settings.points, device=clouds.device) % wanted.long().clamp_min(1).unsqueeze(1)
    drawn = order.argsort(1).gather(1, place)
    points = clouds.gather(1, drawn.unsqueeze(-1).expand(-1, -1, 3))
    return normalised(points) if settings.partial else points


def transform(
    points: Tensor, pose: Tensor, chance: Chance, settings: PretrainSettings
) -> tuple[Tensor, Tensor]:
    """Rotate, scale and jitter clouds; rotate their cameras, and scale their distance with them.

    Args:
        points: (B, N, 3) clouds.
        pose: (B, V, 6) cameras.
        chance: of these clouds.
        settings: `rotation`, `rotated`, `scale`, `jitter`.

    Returns:
        (B, N, 3) clouds and (B, V, 6) cameras.
    """
    if settings.rotation != "none":
        turn = about_up(2 * pi * chance.rotation[:, 0])
        rotation = turn if settings.rotation == "up" else any_rotation(chance.rotation)
        chosen = (chance.rotated < settings.rotated)[:, None, None]
        rotation = torch.where(chosen, rotation, torch.eye(3, device=points.device))
        points, pose = rotate(points, rotation), rotate_cameras(pose, rotation)
    if settings.scale:
        size = (1 + settings.scale * (2 * chance.size - 1))[:, None, None]
        points = points * size
        pose = torch.cat([pose[..., :2], pose[..., 2:3] * size, pose[..., 3:]], dim=-1)
    if chance.noise is not None:
        points = points + settings.jitter * chance.noise.clamp(-JITTER_LIMIT, JITTER_LIMIT)
    return points, pose
