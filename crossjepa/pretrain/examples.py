"""What pretraining learns from: clouds, cameras, colours and standardised targets of its data sets.

Read in bulk once and kept in memory: a step never touches the disk.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.model.encoder import EncoderConfig
from crossjepa.model.frames import move_cameras, normalise
from crossjepa.model.grouping import group
from crossjepa.progress import track
from crossjepa.store.points import read_points
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

TRAINING = ("train", "pretrain")
HELD_OUT = ("test",)
GROUPING_BATCH = 64


class Stores(NamedTuple):
    """Where one data set's examples lie: its catalog, with the splits, and its sealed stores."""

    catalog: Path
    points: Path
    targets: Path


@dataclass
class Examples:
    """Objects to learn from, one data set after another.

    Attributes:
        ids: the O objects' ids.
        sizes: number of objects of each data set.
        clouds: (O, N, 3) float32, in the unit sphere.
        views: (O, V) int64 rows of each object's views in the arrays below; padded with -1 where a data set
            has fewer views than another.
        pose: (rows, 6) float32 cameras, each in the frame of its object's cloud.
        colour: (rows, C) float32 histograms.
        targets: (rows, D) float32 embeddings, standardised if asked for.
        mean, std: (D,) float32, with which the targets were standardised; 0 and 1 where they were not.
        centres, members: (O, G) and (O, G, K) int32 indices of patch centres and members; None until `cut`.
    """

    ids: list[str]
    sizes: list[int]
    clouds: Tensor
    views: Tensor
    pose: Tensor
    colour: Tensor
    targets: Tensor
    mean: Tensor
    std: Tensor
    centres: Tensor | None = None
    members: Tensor | None = None

    def cut(self, shape: EncoderConfig, device: torch.device) -> None:
        """Cut every cloud into patches once, computed on `device`."""
        batches = self.clouds.split(GROUPING_BATCH)
        grouped = [
            [
                indices.int().to(self.clouds.device)
                for indices in group(b.to(device), shape.groups, shape.group_size)
            ]
            for b in track(batches, len(batches), "cut patches", "batch")
        ]
        self.centres, self.members = (torch.cat(parts) for parts in zip(*grouped, strict=True))

    def to(self, device: torch.device) -> "Examples":
        """The same examples on another device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)  # type: ignore[arg-type]


class _Dataset(NamedTuple):
    """Examples of one data set: `pose`, `colour` and `embedding` are (O, V, ...)."""

    ids: list[str]
    clouds: Tensor
    pose: Tensor
    colour: Tensor
    embedding: Tensor


def usable_ids(stores: Stores, splits: Collection[str]) -> list[str]:
    """The ids of the objects of some splits, without those that a store set aside.

    Raises:
        UserError: if the two stores hold different objects.
    """
    table = pd.read_parquet(stores.catalog)
    allowed = set(table.loc[table["split"].isin(splits), "id"])
    points, targets = read_manifest(stores.points), read_manifest(stores.targets)
    if points.ids != targets.ids:
        raise UserError(
            f"{stores.points} and {stores.targets} hold different objects; run the workflow again"
        )
    dropped = points.set_aside.keys() | targets.set_aside.keys()
    return [i for i in points.ids if i in allowed and i not in dropped]


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
        shuffle_seed: if given, embeddings and colours are permuted, together, among a data set's objects. It
            destroys one relation only, that between a cloud and its views; embedding and colours of a
            view still belong together. Poses stay: all objects have the same ring of cameras.
        splits: the catalog's splits to load; test objects are never trained on.
        standardise: whether to bring each dimension of the targets to mean 0 and deviation 1 over all views.

    Raises:
        UserError: if a data set has no such objects, or its stores do not fit together.
    """
    parts = [_read(stores, points, shuffle_seed, splits) for stores in datasets]
    counts = [part.pose.shape[:2].numel() for part in parts]
    tables = [
        rows.view(part.pose.shape[:2])
        for rows, part in zip(torch.arange(sum(counts)).split(counts), parts, strict=True)
    ]
    width = max(table.shape[1] for table in tables)
    targets = torch.cat([part.embedding.flatten(0, 1).float() for part in parts])
    mean, std = targets.mean(0), targets.std(0).clamp_min(1e-6)
    if not standardise:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    return Examples(
        ids=[object_id for part in parts for object_id in part.ids],
        sizes=[len(part.ids) for part in parts],
        clouds=torch.cat([part.clouds for part in parts]),
        views=torch.cat([F.pad(table, (0, width - table.shape[1]), value=-1) for table in tables]),
        pose=torch.cat([part.pose.flatten(0, 1) for part in parts]),
        colour=torch.cat([part.colour.flatten(0, 1) for part in parts]),
        targets=targets.sub_(mean).div_(std),  # in place: the largest array
        mean=mean,
        std=std,
    )


def load_held_out(datasets: Sequence[Stores], points: int, training: Examples) -> Examples | None:
    """Load the test objects, to measure how well views of unseen objects are predicted.

    Args:
        datasets: where each data set lies.
        points: points a cloud is thinned to.
        training: the training examples, with whose mean and deviation the targets are standardised.

    Returns:
        None if no data set has test objects.
    """
    tested = [stores for stores in datasets if usable_ids(stores, HELD_OUT)]
    if not tested:
        return None
    loaded = load_examples(tested, points, splits=HELD_OUT)
    targets = (loaded.targets * loaded.std + loaded.mean - training.mean) / training.std
    return replace(loaded, targets=targets, mean=training.mean, std=training.std)


def _read(stores: Stores, points: int, shuffle_seed: int | None, splits: Collection[str]) -> _Dataset:
    ids = usable_ids(stores, splits)
    if not ids:
        raise UserError(f"{stores.catalog}: no object to learn from; see its split and status columns")
    position = {object_id: row for row, object_id in enumerate(read_manifest(stores.points).ids)}
    rows = [position[object_id] for object_id in ids]
    clouds, centre, radius = normalise(torch.from_numpy(read_points(stores.points, "xyz", points)[rows]))
    pose, colour, embedding = (
        torch.from_numpy(read_array(stores.targets, name)[rows]) for name in ("pose", "colour", "embedding")
    )
    if shuffle_seed is not None:
        order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(shuffle_seed))
        colour, embedding = colour[order], embedding[order]
    return _Dataset(ids, clouds, move_cameras(pose, centre, radius), colour, embedding)
