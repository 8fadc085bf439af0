"""Random examples: the speed of training does not depend on what is learned."""

import torch

from crossjepa.model.frames import normalise
from crossjepa.pretrain.examples import Examples

COLOURS = 24


def examples(objects: int, points: int, views: int, target_dim: int) -> Examples:
    """Examples with random clouds, cameras, colours and targets."""
    torch.manual_seed(0)
    rows = objects * views
    angles = torch.rand(rows, 2) * torch.tensor([6.28, 0.5])
    distance_and_up = torch.tensor([2.98, 0.0, 1.0, 0.0]).expand(rows, -1)
    return Examples(
        ids=[str(number) for number in range(objects)],
        sizes=[objects],
        clouds=normalise(torch.randn(objects, points, 3))[0],
        views=torch.arange(rows).view(objects, views),
        pose=torch.cat([angles, distance_and_up], dim=1),
        colour=torch.rand(rows, COLOURS),
        embedding=torch.randn(rows, target_dim).half(),
        mean=torch.zeros(target_dim),
        std=torch.ones(target_dim),
    )
