"""Augmentation of clouds together with their cameras.

Cameras are rotated and scaled with their cloud, so that the teacher's embeddings stay valid. Random numbers
are drawn for a whole batch and then divided among processes, so that the clouds do not depend on the number
of processes.
"""

from math import pi

import torch
from torch import Generator, Tensor

from crossjepa.model.frames import about_up, any_rotation, normalise, rotate, rotate_cameras
from crossjepa.pretrain.settings import PretrainSettings

JITTER_LIMIT = 3.0  # standard deviations

Draws = dict[str, Tensor]


def draw(batch: int, views: int, branches: int, settings: PretrainSettings, generator: Generator) -> Draws:
    """Draw a batch's random numbers, on the generator's device.

    Args:
        batch: number of objects, B.
        views: views of each object, V.
        branches: residual branches of the networks.
        settings: `points` (N), `jitter`, `partial`, `drop_path`.
        generator: the only source of randomness.

    Returns:
        Numbers by name, all but the noise uniform in [0, 1):
        `noise` (B, N, 3), standard normal, only with jitter; `views` (B, V), whose order is that of each
        object's views; `points` (B, N), whose order is that of each cloud's points, only with partial clouds;
        `rotated`, `cut`, `size` (B,), which choose the objects to rotate, the share to cut off and the scale;
        `normal`, `rotation` (B, 3), which choose the cutting plane and the rotation; `branches`
        (B, branches), which choose the branches to skip, only with stochastic depth.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, device=generator.device, generator=generator)

    draws = {}
    if settings.jitter:
        shape = batch, settings.points, 3
        draws["noise"] = torch.randn(shape, device=generator.device, generator=generator)
    draws["views"] = uniform(views)
    if settings.partial:
        draws["points"] = uniform(settings.points)
    draws["rotated"] = uniform()
    uniform()  # unused: earlier versions drew it, and a seed must give the results that it gave then
    draws |= {"cut": uniform(), "size": uniform(), "normal": uniform(3), "rotation": uniform(3)}
    if settings.drop_path:
        draws["branches"] = uniform(branches)
    return draws


def cut_clouds(clouds: Tensor, draws: Draws, partial: float) -> Tensor:
    """Cut off a part of each cloud by a plane, as in a scan from one side; repeat the rest to N points.

    The rest is fitted into the unit sphere, since a scan does not show where the whole object's centre is.
    Cameras stay as they are: they look at that centre.

    Args:
        clouds: (B, N, 3) in the unit sphere.
        draws: `points`, `cut` and `normal` are used.
        partial: the largest share of the points that is cut off.

    Returns:
        (B, N, 3) in the unit sphere.
    """
    size = clouds.shape[1]
    kept = size * (1 - partial * draws["cut"])
    normal = any_rotation(draws["normal"])[:, :, :1]
    depth = (clouds @ normal).squeeze(-1).argsort(1).argsort(1)
    order = (draws["points"] + (depth >= kept.unsqueeze(1))).argsort(1)  # points beyond the plane sort last
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
        draws: these clouds' random numbers.
        settings: `rotation`, `rotated`, `scale`, `jitter`.

    Returns:
        (B, N, 3) clouds and (B, V, 6) cameras.
    """
    if settings.rotation != "none":
        about = about_up(2 * pi * draws["rotation"][:, 0])
        rotation = about if settings.rotation == "up" else any_rotation(draws["rotation"])
        chosen = (draws["rotated"] < settings.rotated)[:, None, None]
        rotation = torch.where(chosen, rotation, torch.eye(3, device=points.device))
        points, pose = rotate(points, rotation), rotate_cameras(pose, rotation)
    if settings.scale:
        size = (1 + settings.scale * (2 * draws["size"] - 1))[:, None, None]
        points = points * size
        pose = torch.cat([pose[..., :2], pose[..., 2:3] * size, pose[..., 3:]], dim=-1)
    if settings.jitter:
        points = points + settings.jitter * draws["noise"].clamp(-JITTER_LIMIT, JITTER_LIMIT)
    return points, pose
