"""What one step sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from crossjepa.model.encoder import EncoderConfig
from crossjepa.model.grouping import group, patches
from crossjepa.model.transformer import kept_branches
from crossjepa.pretrain.augment import Chance, draw_points, transform
from crossjepa.pretrain.examples import Examples
from crossjepa.pretrain.settings import PretrainSettings


@dataclass(frozen=True)
class Batch:
    """Patches, cameras, colours and targets of some objects, and the branches that their networks keep.

    `CrossJEPA.forward` says their shapes.
    """

    offsets: Tensor
    centres: Tensor
    pose: Tensor
    colour: Tensor
    targets: Tensor
    kept: Tensor | None

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        moved: dict[str, Any] = {
            name: value if value is None else value.to(device, non_blocking=True)
            for name, value in vars(self).items()
        }
        return Batch(**moved)


def epoch_length(sizes: Sequence[int], weights: Sequence[float]) -> int:
    """How many objects an epoch shows."""
    return sum(round(weight * size) for size, weight in zip(sizes, weights, strict=True))


def epoch_order(sizes: Sequence[int], weights: Sequence[float], generator: Generator) -> Tensor:
    """The objects of an epoch in random order: each as often as its data set's weight says.

    Where a weight is not whole, the rest falls to a random part of the data set's objects.

    Args:
        sizes: objects of each data set.
        weights: how often each object of a data set is shown.
        generator: the only source of chance.

    Returns:
        (epoch_length,) int64, on the generator's device.
    """
    shown, first = [], 0
    for size, weight in zip(sizes, weights, strict=True):
        count = round(weight * size)
        own = torch.randperm(size, device=generator.device, generator=generator)
        shown.append(first + own.repeat(-(-count // size))[:count])
        first += size
    objects = torch.cat(shown)
    return objects[torch.randperm(len(objects), device=generator.device, generator=generator)]


def draw_batch(
    examples: Examples, rows: Tensor, chance: Chance, settings: PretrainSettings, shape: EncoderConfig
) -> Batch:
    """Draw views of the chosen objects and augment their clouds, all on the examples' device.

    Args:
        examples: where to draw from.
        rows: (B,) int64 positions among the examples.
        chance: their random numbers.
        settings: how many views, and what may befall a cloud.
        shape: how the encoder wants clouds cut.
    """
    table = examples.views[rows]
    drawn = (chance.views + (table < 0)).argsort(1)[
        :, : settings.views_per_step
    ]  # those that are not come last
    views = table.gather(1, drawn)
    clouds = examples.clouds[rows]
    points = clouds if chance.points is None else draw_points(clouds, chance, settings)
    points, pose = transform(points, examples.pose[views], chance, settings)
    if examples.centres is None or examples.members is None:
        centres, members = group(points, shape.groups, shape.group_size)
    else:
        centres, members = examples.centres[rows], examples.members[rows]
    offsets, positions = patches(points, centres, members)
    kept = None if chance.branches is None else kept_branches(chance.branches, settings.drop_path)
    return Batch(offsets, positions, pose, examples.colour[views], examples.targets[views], kept)
