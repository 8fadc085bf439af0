"""A folder of the user's own objects, with classes and features."""

from pathlib import Path

import numpy as np
import pandas as pd

from crossjepa.data.described import DescribedObjects
from crossjepa.data.file_dataset import FileDataset
from crossjepa.data.settings import FolderSource
from crossjepa.data.sources.folder import open_source
from crossjepa.errors import UserError
from crossjepa.files import sha256_file
from crossjepa.inference.encoder import Encoder, Up


def describe_folder(encoder: Encoder, folder: Path, labels: Path | None, up: Up | None) -> DescribedObjects:
    """Read and encode the objects of a folder.

    Args:
        encoder: gives clouds and features.
        folder: of meshes or point clouds.
        labels: a CSV as for data sets of kind `folder`; without it the first sub-folders are the classes.
        up: see `Encoder.encode`.

    Raises:
        UserError: if the folder or the CSV is wrong, or no object can be read.
    """
    opened = _open(folder, labels)
    read = encoder.clouds(folder, up=up, progress=True)
    row = {Path(name).relative_to(folder).as_posix(): number for number, name in enumerate(read.names)}
    broken = {Path(name).relative_to(folder).as_posix(): why for name, why in read.reasons.items()}
    reasons: dict[str, str] = {}
    used, rows = [], []
    for record in opened.objects():
        name = opened.find(record.id).name
        if name not in row or name in broken:
            reasons[record.id] = broken.get(name, "no such mesh or point cloud in the folder")
            continue
        rows.append(row[name])
        known = {"class": record.label, "group": record.group, "split": record.split}
        used.append({"id": record.id, "path": name, **known, "sha256": sha256_file(folder / name)})
    if not used:
        first = ": ".join(next(iter(reasons.items())))
        raise UserError(f"{folder}: none of {len(reasons)} objects can be read; the first: {first}")
    clouds = read.values[rows]
    features = encoder.encode(list(clouds), up="y", progress=True)
    return DescribedObjects(pd.DataFrame(used), clouds, np.asarray(features), reasons)


def check_classes(folder: Path, labels: Path | None) -> None:
    """Check, before anything is encoded, that objects of a folder have two classes or more.

    Raises:
        UserError: if not; says how to give them.
    """
    opened = _open(folder, labels)
    given = [record for record in opened.objects() if record.label]
    there = {record.label for record in given if (folder / opened.find(record.id).name).is_file()}
    if labels and given and not there:
        first = opened.find(given[0].id).name
        raise UserError(
            f"{labels}: none of its {len(given)} labelled rows names an object of {folder}; the first is "
            f"{first}; paths are relative to the folder"
        )
    if len(there) < 2:
        raise UserError(
            f"{folder}: its objects have {len(there)} class{'es' * (len(there) != 1)}, and at least two are "
            "needed; sort some objects into sub-folders named after their classes, or give --labels, a CSV "
            "with the columns path and class"
        )


def _open(folder: Path, labels: Path | None) -> FileDataset:
    return open_source(FolderSource(path=str(folder), labels=str(labels) if labels else None))
