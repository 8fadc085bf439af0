"""The training examples: clouds, cameras, colours and standardised targets of one or several data sets.

They are read once and kept in memory: training steps do not read from disk.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain
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
    """The files of one data set: its catalog, with the splits, and its sealed stores."""

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
        targets: (rows, D) float32 embeddings, standardised or as stored.
        mean, std: (D,) float32, with which the targets were standardised; 0 and 1 if they were not.
        centres, members: (O, G) and (O, G, K) int32 indices of patch centres and members; None before `cut`.
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
        """Find the patches of every cloud, computing on `device`, so that training steps need not."""
        home, batches = self.clouds.device, self.clouds.split(GROUPING_BATCH)
        grouped = [
            [i.int().to(home) for i in group(batch.to(device), shape.groups, shape.group_size)]
            for batch in track(batches, len(batches), "cut patches", "batch")
        ]
        self.centres, self.members = (torch.cat(parts) for parts in zip(*grouped, strict=True))

    def to(self, device: torch.device) -> "Examples":
        """The same examples on another device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)  # type: ignore[arg-type]


def usable_ids(stores: Stores, splits: Collection[str]) -> list[str]:
    """Ids of the objects in some splits, except those that a store set aside.

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
        shuffle_seed: if given, permute embeddings and colours together among a data set's objects. Only the
            relation between a cloud and its views is lost: a view keeps its embedding and colours, and
            cameras stay, since all objects have the same ring of cameras.
        splits: the catalog's splits to load; test objects are never trained on.
        standardise: bring each dimension of the targets to mean 0 and standard deviation 1 over all views.

    Raises:
        UserError: if a data set has no objects in these splits, or its stores hold different objects.
    """
    parts = [_read(stores, points, shuffle_seed, splits) for stores in datasets]
    ids, clouds, pose, colour, embedding = zip(*parts, strict=True)
    counts, width = [each.shape[:2].numel() for each in pose], max(each.shape[1] for each in pose)
    views = [
        F.pad(rows.view(each.shape[:2]), (0, width - each.shape[1]), value=-1)
        for rows, each in zip(torch.arange(sum(counts)).split(counts), pose, strict=True)
    ]
    targets = torch.cat([each.flatten(0, 1).float() for each in embedding])
    mean, std = targets.mean(0), targets.std(0).clamp_min(1e-6)
    if not standardise:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    return Examples(
        ids=list(chain(*ids)),
        sizes=[len(each) for each in ids],
        clouds=torch.cat(clouds),
        views=torch.cat(views),
        pose=torch.cat([each.flatten(0, 1) for each in pose]),
        colour=torch.cat([each.flatten(0, 1) for each in colour]),
        targets=targets.sub_(mean).div_(std),  # in place: the largest array
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
    tested = [stores for stores in datasets if usable_ids(stores, HELD_OUT)]
    if not tested:
        return None
    loaded = load_examples(tested, points, splits=HELD_OUT)
    targets = (loaded.targets * loaded.std + loaded.mean - training.mean) / training.std
    return replace(loaded, targets=targets, mean=training.mean, std=training.std)


def _read(
    stores: Stores, points: int, shuffle_seed: int | None, splits: Collection[str]
) -> tuple[list[str], Tensor, Tensor, Tensor, Tensor]:
    """One data set's ids, (O, N, 3) clouds, and (O, V, ...) cameras, colours and embeddings."""
    ids = usable_ids(stores, splits)
    if not ids:
        raise UserError(f"{stores.catalog}: no object to learn from; check its columns `split` and `status`")
    position = {object_id: row for row, object_id in enumerate(read_manifest(stores.points).ids)}
    rows = [position[object_id] for object_id in ids]
    clouds, centre, radius = normalise(torch.from_numpy(read_points(stores.points, "xyz", points)[rows]))
    pose, colour, embedding = (
        torch.from_numpy(read_array(stores.targets, name)[rows]) for name in ("pose", "colour", "embedding")
    )
    if shuffle_seed is not None:
        order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(shuffle_seed))
        colour, embedding = colour[order], embedding[order]
    return ids, clouds, move_cameras(pose, centre, radius), colour, embedding
