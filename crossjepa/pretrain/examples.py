"""What pretraining learns from: clouds, cameras, colours and standardised targets of its data sets.

Read in bulk once and kept on the device: a step never touches the disk.
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
from crossjepa.model.grouping import group
from crossjepa.pretrain.clouds import load_clouds
from crossjepa.progress import track
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

LEARNED = ("train", "pretrain")
HELD_OUT = ("test",)
GROUPING_BATCH = 64


class Stores(NamedTuple):
    """Where one data set's examples lie: its catalog, whose splits decide, and its sealed stores."""

    catalog: Path
    points: Path
    targets: Path


@dataclass
class Examples:
    """Objects to learn from, those of one data set after those of another.

    Attributes:
        ids: the O objects' ids.
        sizes: how many of them each data set has.
        clouds: (O, M, 3) float32.
        views: (O, V) int64 rows of each object's views; -1 where its data set has fewer than another.
        pose: (rows, 6) float32 cameras.
        colour: (rows, C) float32 histograms.
        targets: (rows, D) float32, each dimension standardised over all views where that is asked for.
        mean, std: (D,) float32, by which the targets were standardised; 0 and 1 where they were not.
        centres, members: (O, G) and (O, G, K) int32 indices of patch centres and members; none where a
            step draws its points anew, and so its patches.
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

    def cut(self, groups: int, size: int) -> None:
        """Cut every cloud into patches, once."""
        batches = self.clouds.split(GROUPING_BATCH)
        grouped = [group(b, groups, size) for b in track(batches, len(batches), "cut patches", "batch")]
        self.centres, self.members = (torch.cat(parts).int() for parts in zip(*grouped, strict=True))

    def to(self, device: torch.device) -> "Examples":
        """The same examples on another device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)  # type: ignore[arg-type]


def usable_ids(stores: Stores, splits: Collection[str]) -> list[str]:
    """The ids of some splits' objects, less those that were set aside.

    Raises:
        UserError: if the stores hold other objects.
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


def load_held_out(datasets: Sequence[Stores], points: int, learned: Examples) -> Examples | None:
    """Load the test objects, labels aside, to see how well views of unseen objects are predicted.

    Args:
        datasets: where each data set lies.
        points: points a cloud is thinned to.
        learned: what is learned from, by whose mean and deviation targets are standardised.

    Returns:
        None where no data set has test objects.
    """
    tested = [stores for stores in datasets if usable_ids(stores, HELD_OUT)]
    if not tested:
        return None
    loaded = load_examples(tested, points, splits=HELD_OUT)
    targets = (loaded.targets * loaded.std + loaded.mean - learned.mean) / learned.std
    return replace(loaded, targets=targets, mean=learned.mean, std=learned.std)


def load_examples(
    datasets: Sequence[Stores],
    points: int | None,
    shuffle_seed: int | None = None,
    splits: Collection[str] = LEARNED,
    standardise: bool = True,
) -> Examples:
    """Load everything that pretraining learns from.

    Args:
        datasets: where each data set lies.
        points: points a cloud is thinned to; all that the stores keep when None.
        shuffle_seed: when given, each data set's targets are dealt out anew among its objects: a control.
        splits: whose objects; test objects are never learned from.
        standardise: each dimension of the targets, by its mean and deviation over all views.

    Raises:
        UserError: if a data set has nothing to learn from, or two do not fit together.
    """
    ids, clouds, views, pose, colour, embeddings = [], [], [], [], [], []
    first = 0
    for stores in datasets:
        own = usable_ids(stores, splits)
        if not own:
            raise UserError(f"{stores.catalog}: no object to learn from; see its split and status columns")
        position = {object_id: row for row, object_id in enumerate(read_manifest(stores.points).ids)}
        rows = torch.tensor([position[object_id] for object_id in own])
        embedding = torch.from_numpy(read_array(stores.targets, "embedding"))[rows]
        if shuffle_seed is not None:
            chance = torch.Generator().manual_seed(shuffle_seed)
            embedding = embedding[torch.randperm(len(own), generator=chance)]
        ids.append(own)
        clouds.append(load_clouds(stores.points, points)[rows])
        views.append(first + torch.arange(len(own) * embedding.shape[1]).view(len(own), -1))
        pose.append(torch.from_numpy(read_array(stores.targets, "pose"))[rows].flatten(0, 1))
        colour.append(torch.from_numpy(read_array(stores.targets, "colour"))[rows].flatten(0, 1))
        embeddings.append(embedding.flatten(0, 1).float())
        first += views[-1].numel()
    if len({cloud.shape[1] for cloud in clouds}) > 1:
        raise UserError(
            "pretrain.resample: the data sets' stores keep different numbers of points; set it to false"
        )
    most = max(table.shape[1] for table in views)
    embedding = torch.cat(embeddings)
    mean, std = embedding.mean(0), embedding.std(0).clamp_min(1e-6)
    if not standardise:
        mean, std = torch.zeros_like(mean), torch.ones_like(std)
    return Examples(
        ids=[object_id for own in ids for object_id in own],
        sizes=[len(own) for own in ids],
        clouds=torch.cat(clouds),
        views=torch.cat([F.pad(table, (0, most - table.shape[1]), value=-1) for table in views]),
        pose=torch.cat(pose),
        colour=torch.cat(colour),
        targets=(embedding - mean) / std,
        mean=mean,
        std=std,
    )
