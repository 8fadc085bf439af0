"""The training examples: clouds, cameras, colours and standardised targets of one or several data sets.

They are read once and kept in memory: training steps do not read from disk. Each array is there once, even
while it is read, and embeddings stay in the float16 of the stores.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.model.encoder import EncoderConfig
from crossjepa.model.frames import move_cameras, normalise_in_place
from crossjepa.model.grouping import group
from crossjepa.progress import track
from crossjepa.store.points import read_points
from crossjepa.store.reading import read_array
from crossjepa.store.seal import read_manifest

TRAINING = ("train", "pretrain")
HELD_OUT = ("test",)
GROUPING_BATCH = 64
COLUMNS = 64  # dimensions of the embeddings that are converted to float32 at a time


class Stores(NamedTuple):
    """The files of one data set: its catalog, with the splits, and its sealed stores."""

    catalog: Path
    points: Path
    targets: Path


@dataclass
class Examples:
    """The objects to train on, one data set after another.

    Attributes:
        ids: the O objects' ids.
        sizes: number of objects of each data set.
        clouds: (O, N, 3) float32, in the unit sphere.
        views: (O, V) int64 rows of each object's views in the arrays below; padded with -1 where a data set
            has fewer views than another.
        pose: (rows, 6) float32 cameras, each in the frame of its object's cloud.
        colour: (rows, C) float32 histograms.
        embedding: (rows, D) float16, as stored; see `targets`.
        mean, std: (D,) float32, with which targets are standardised; 0 and 1 if they are not.
        centres, members: (O, G) and (O, G, K) int16 indices of patch centres and members; None before `cut`.
    """

    ids: list[str]
    sizes: list[int]
    clouds: Tensor
    views: Tensor
    pose: Tensor
    colour: Tensor
    embedding: Tensor
    mean: Tensor
    std: Tensor
    centres: Tensor | None = None
    members: Tensor | None = None

    def targets(self, rows: Tensor, device: torch.device | None = None) -> Tensor:
        """The (..., D) float32 targets of some rows, standardised, on `device` or where the examples are."""
        device = device or self.embedding.device
        chosen, mean, std = (
            each.to(device, non_blocking=True) for each in (self.embedding[rows], self.mean, self.std)
        )
        return chosen.float().sub_(mean).div_(std)

    def cut(self, shape: EncoderConfig, device: torch.device) -> None:
        """Find the patches of every cloud, computing on `device`, so that training steps need not."""
        size, home = (len(self.clouds), shape.groups), self.clouds.device
        self.centres = torch.empty(size, dtype=torch.int16, device=home)
        self.members = torch.empty((*size, shape.group_size), dtype=torch.int16, device=home)
        batches = [each.split(GROUPING_BATCH) for each in (self.clouds, self.centres, self.members)]
        for clouds, *found in track(zip(*batches, strict=True), len(batches[0]), "cut patches", "batch"):
            indices = group(clouds.to(device), shape.groups, shape.group_size)
            for kept, those in zip(found, indices, strict=True):
                kept.copy_(those)

    def to(self, device: torch.device) -> "Examples":
        """The same examples on another device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)  # type: ignore[arg-type]


def usable_rows(stores: Stores, splits: Collection[str]) -> dict[str, int]:
    """Rows in both stores of the objects in some splits, by id, except those that a store set aside.

    Raises:
        UserError: if the two stores hold different objects.
    """
    table = pd.read_parquet(stores.catalog, columns=["id", "split"])
    allowed = set(table.loc[table["split"].isin(splits), "id"])
    points, targets = read_manifest(stores.points), read_manifest(stores.targets)
    if points.ids != targets.ids:
        raise UserError(
            f"{stores.points} and {stores.targets} hold different objects; run the workflow again"
        )
    dropped = targets.set_aside.keys()
    return {i: row for i, row in points.rows.items() if i in allowed and i not in dropped}


def load_examples(
    datasets: Sequence[Stores],
    points: int,
    shuffle_seed: int | None = None,
    splits: Collection[str] = TRAINING,
    standardise: bool = True,
) -> Examples:
    """Load all examples of some data sets.

    Args:
        datasets: where each data set lies.
        points: points a cloud is thinned to.
        shuffle_seed: if given, permute embeddings and colours together among a data set's objects. Only the
            relation between a cloud and its views is lost: a view keeps its embedding and colours, and
            cameras stay, since all objects have the same ring of cameras.
        splits: the catalog's splits to load; test objects are never trained on.
        standardise: bring each dimension of the targets to mean 0 and standard deviation 1 over all views.

    Raises:
        UserError: if a data set has no objects in these splits, or its stores hold different objects.
    """
    parts = [_choose(stores, splits) for stores in datasets]
    sizes, counts = [len(part.rows) for part in parts], [len(part.rows) * part.views for part in parts]
    clouds = torch.empty(sum(sizes), points, 3)
    for part, some in zip(parts, clouds.split(sizes), strict=True):
        read_points(part.stores.points, "xyz", points, part.rows, out=some.numpy())
    frames = [each.split(sizes) for each in normalise_in_place(clouds)]
    pose = _read(parts, "pose")
    for part, cameras, *frame in zip(parts, pose.split(counts), *frames, strict=True):
        cameras.copy_(move_cameras(cameras.unflatten(0, (-1, part.views)), *frame).flatten(0, 1))
    embedding = _read(parts, "embedding", shuffle_seed)
    mean, std = _moments(embedding)
    if not standardise:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    return Examples(
        ids=[object_id for part in parts for object_id in part.ids],
        sizes=sizes,
        clouds=clouds,
        views=_number([part.views for part in parts], counts),
        pose=pose,
        colour=_read(parts, "colour", shuffle_seed),
        embedding=embedding,
        mean=mean,
        std=std,
    )


def load_held_out(datasets: Sequence[Stores], points: int, training: Examples) -> Examples | None:
    """Load the test objects, on which training measures how well it predicts unseen objects.

    Args:
        datasets: where each data set lies.
        points: points a cloud is thinned to.
        training: the training examples; their mean and deviation standardise the targets here, too.

    Returns:
        None if no data set has test objects.
    """
    tested = [stores for stores in datasets if usable_rows(stores, HELD_OUT)]
    if not tested:
        return None
    loaded = load_examples(tested, points, splits=HELD_OUT, standardise=False)
    return replace(loaded, mean=training.mean, std=training.std)


class _Part(NamedTuple):
    """The chosen objects of one data set: ids, rows in its stores, and the number of views of each."""

    stores: Stores
    ids: list[str]
    rows: NDArray[np.int64]
    views: int


def _choose(stores: Stores, splits: Collection[str]) -> _Part:
    rows = usable_rows(stores, splits)
    if not rows:
        raise UserError(f"{stores.catalog}: no object to train on; check its columns `split` and `status`")
    views = read_manifest(stores.targets).arrays["pose"]["shape"][0]
    return _Part(stores, [*rows], np.array([*rows.values()]), views)


def _read(parts: Sequence[_Part], name: str, shuffle_seed: int | None = None) -> Tensor:
    """An array of the target stores with a row for each view; a seed permutes each data set's objects."""
    spec = read_manifest(parts[0].stores.targets).arrays[name]
    counts = [len(part.rows) * part.views for part in parts]
    whole = np.empty((sum(counts), *spec["shape"][1:]), spec["dtype"])
    for part, end, count in zip(parts, np.cumsum(counts), counts, strict=True):
        rows = part.rows
        if shuffle_seed is not None:
            generator = torch.Generator().manual_seed(shuffle_seed)
            rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
        out = whole[end - count : end].reshape(len(rows), part.views, -1)  # a view of it
        read_array(part.stores.targets, name, rows=rows, out=out)
    return torch.from_numpy(whole)


def _number(views: Sequence[int], counts: Sequence[int]) -> Tensor:
    """`Examples.views` of data sets whose objects have `views` views each, `counts` in all."""
    rows = zip(torch.arange(sum(counts)).split(list(counts)), views, strict=True)
    tables = [F.pad(each.view(-1, own), (0, max(views) - own), value=-1) for each, own in rows]
    return torch.cat(tables)


def _moments(embedding: Tensor) -> tuple[Tensor, Tensor]:
    """(D,) mean and deviation of (rows, D) embeddings, in float32: a copy of some columns at a time."""
    moments = [
        (each.mean(0), each.std(0).clamp_min(1e-6)) for each in map(Tensor.float, embedding.split(COLUMNS, 1))
    ]
    mean, std = map(torch.cat, zip(*moments, strict=True))
    return mean, std
