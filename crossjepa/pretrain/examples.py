"""What pretraining learns from: clouds cut into patches, cameras, colours and standardised targets.

Read in bulk once and kept on the device: a step never touches the disk.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.model.grouping import group
from crossjepa.pretrain.clouds import load_clouds
from crossjepa.progress import track
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

LEARNED_SPLITS = ("train", "pretrain")
GROUPING_BATCH = 64


@dataclass
class Examples:
    """Objects to learn from, all tensors with the object axis first.

    Attributes:
        ids: the objects' ids.
        clouds: (O, N, 3) float32.
        centres: (O, G) int32 indices of patch centres.
        members: (O, G, K) int32 indices of patch members.
        pose: (O, V, 6) float32 cameras.
        colour: (O, V, C) float32 histograms.
        targets: (O, V, D) float32, each dimension standardised over objects and views.
    """

    ids: list[str]
    clouds: Tensor
    centres: Tensor
    members: Tensor
    pose: Tensor
    colour: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> "Examples":
        """The same examples on another device."""
        tensors = {key: value.to(device) for key, value in vars(self).items() if key != "ids"}
        return Examples(ids=self.ids, **tensors)


def learned_ids(catalog: Path, points: Path, targets: Path) -> list[str]:
    """The ids that pretraining may see: never a test object, never one that was set aside.

    Raises:
        UserError: if the stores hold other objects, or nothing is left.
    """
    table = pd.read_parquet(catalog)
    allowed = set(table.loc[table["split"].isin(LEARNED_SPLITS), "id"])
    point_manifest, target_manifest = read_manifest(points), read_manifest(targets)
    if point_manifest.ids != target_manifest.ids:
        raise UserError(f"{points} and {targets} hold different objects; run the workflow again")
    dropped = point_manifest.set_aside.keys() | target_manifest.set_aside.keys()
    ids = [i for i in point_manifest.ids if i in allowed and i not in dropped]
    if not ids:
        raise UserError(f"{catalog}: no object to learn from; see its split and status columns")
    return ids


def load_examples(
    catalog: Path,
    points: Path,
    targets: Path,
    cloud_points: int,
    groups: int,
    group_size: int,
    shuffle_seed: int | None,
) -> Examples:
    """Load everything that pretraining learns from.

    Args:
        catalog: the data set's catalog, whose splits decide.
        points: its sealed point store.
        targets: its sealed target store.
        cloud_points: points a cloud is thinned to.
        groups: patches a cloud.
        group_size: points a patch.
        shuffle_seed: when given, objects' targets are dealt out anew with this seed: a control.
    """
    ids = learned_ids(catalog, points, targets)
    position = {object_id: row for row, object_id in enumerate(read_manifest(points).ids)}
    rows = torch.tensor([position[object_id] for object_id in ids])
    clouds = load_clouds(points, cloud_points)[rows]
    batches = clouds.split(GROUPING_BATCH)
    grouped = [group(b, groups, group_size) for b in track(batches, len(batches), "cut patches", "batch")]
    embedding = _standardised(torch.from_numpy(read_array(targets, "embedding"))[rows].float())
    if shuffle_seed is not None:
        embedding = embedding[torch.randperm(len(ids), generator=torch.Generator().manual_seed(shuffle_seed))]
    return Examples(
        ids=ids,
        clouds=clouds,
        centres=torch.cat([centres for centres, _ in grouped]).int(),
        members=torch.cat([members for _, members in grouped]).int(),
        pose=torch.from_numpy(read_array(targets, "pose"))[rows],
        colour=torch.from_numpy(read_array(targets, "colour"))[rows],
        targets=embedding,
    )


def _standardised(embedding: Tensor) -> Tensor:
    flat = embedding.flatten(0, 1)
    return (embedding - flat.mean(0)) / flat.std(0).clamp_min(1e-6)
