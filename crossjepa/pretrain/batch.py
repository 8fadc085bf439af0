"""The order of objects in an epoch, and the batches that training steps get."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from crossjepa.model.encoder import EncoderConfig
from crossjepa.model.grouping import group, patches
from crossjepa.pretrain.augment import Draws, cut_clouds, transform
from crossjepa.pretrain.examples import Examples
from crossjepa.pretrain.settings import PretrainSettings


class Batch(NamedTuple):
    """The networks' inputs for B objects, and the (B, V, D) targets to predict.

    `CrossJEPA.forward` describes the shapes of the other tensors.
    """

    offsets: Tensor
    centres: Tensor
    pose: Tensor
    colour: Tensor
    scales: Tensor | None
    targets: Tensor


def epoch_counts(sizes: Sequence[int], weights: Sequence[float]) -> list[int]:
    """How many objects of each data set an epoch shows: its weight is how often each object appears."""
    return [round(weight * size) for size, weight in zip(sizes, weights, strict=True)]


def epoch_order(sizes: Sequence[int], counts: Sequence[int], generator: Generator) -> Tensor:
    """The objects of an epoch in random order; each data set's are repeated or left out to match its count.

    Fractional weights add a random subset: with a weight of 2.5, half of the objects appear three times.

    Args:
        sizes: number of objects of each data set.
        counts: see `epoch_counts`.
        generator: the only source of randomness.

    Returns:
        (sum of counts,) int64, on the generator's device.
    """

    def permutation(size: int) -> Tensor:
        return torch.randperm(size, device=generator.device, generator=generator)

    shown, first = [], 0
    for size, count in zip(sizes, counts, strict=True):
        shown.append(first + permutation(size).repeat(-(-count // size))[:count])
        first += size
    objects = torch.cat(shown)
    return objects[permutation(len(objects))]


def make_batch(
    examples: Examples, rows: Tensor, draws: Draws, settings: PretrainSettings, shape: EncoderConfig
) -> Batch:
    """Take views of the chosen objects and augment their clouds, on the device of the random numbers.

    Args:
        examples: all objects, on that device or in the host's memory.
        rows: (B,) int64 positions among the examples.
        draws: these objects' random numbers.
        settings: `views_per_step`, `drop_path` and the settings of augmentation.
        shape: how the encoder cuts clouds into patches.
    """
    home, device = examples.clouds.device, draws["views"].device

    def take(values: Tensor, index: Tensor) -> Tensor:
        return values[index].to(device, non_blocking=True)

    rows = rows.to(home)
    table = take(examples.views, rows)
    order = (draws["views"] + (table < 0)).argsort(1)[:, : settings.views_per_step]  # sort the padding last
    views = table.gather(1, order).to(home)
    points = take(examples.clouds, rows)
    if settings.partial:
        points = cut_clouds(points, draws, settings.partial)
    points, pose = transform(points, take(examples.pose, views), draws, settings)
    if examples.centres is None or examples.members is None:
        centres, members = group(points, shape.groups, shape.group_size)
    else:
        centres, members = take(examples.centres, rows), take(examples.members, rows)
    scales = None
    if settings.drop_path:
        scales = (draws["branches"] >= settings.drop_path) / (1 - settings.drop_path)
    colour, targets = take(examples.colour, views), examples.targets(views, device)
    return Batch(*patches(points, centres, members), pose, colour, scales, targets)
