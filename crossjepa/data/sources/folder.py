"""The user's own meshes or point clouds: a tree of files, with classes from its folders or from a CSV."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.files import FileDataset, Files, ObjectFile
from crossjepa.data.location import FolderListing
from crossjepa.data.settings import FolderSource
from crossjepa.errors import UserError

COLUMNS = ("id", "path", "class", "split", "group")
SPLITS = ("", "train", "test", "pretrain")
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}


def read_labels(path: Path, found: Sequence[ObjectRecord]) -> tuple[list[ObjectRecord], dict[str, str]]:
    """Join a CSV with the files of its folder.

    Args:
        path: the CSV. `path` is a file's path in the folder, `id` names the object; one of the two is
            needed. Without `path`, `id` is the file's name without suffix, as in Objaverse. `class`,
            `split` (train, test, pretrain) and `group` may be left out or empty.
        found: a record for each file, with its path as id.

    Returns:
        The CSV's objects in its order, then the files that it does not list, unlabelled; and each id's file.
        A file that does not exist is set aside when it is read.

    Raises:
        UserError: if the CSV is missing or has unknown columns or splits, if an id occurs twice, or if a row
            without `path` fits several files.
    """
    files = {record.id: record for record in found}
    stems: dict[str, list[str]] = {}
    for name in files:
        stems.setdefault(PurePosixPath(name).stem, []).append(name)
    records, paths = [], {}
    for row in _read(path).to_dict("records"):
        fitting = [row["path"]] if row["path"] else stems.get(row["id"], [row["id"]])
        if len(fitting) > 1:
            several = " and ".join(fitting)
            raise UserError(f"{path}: the id '{row['id']}' fits {several}; name one in a column `path`")
        object_id = row["id"] or fitting[0]
        if object_id in paths:
            raise UserError(f"{path}: the id '{object_id}' occurs twice; ids must be unique")
        paths[object_id] = fitting[0]
        known = files.get(fitting[0], replace(found[0], name=PurePosixPath(fitting[0]).stem))
        group, split = row["group"] or object_id, row["split"]
        records.append(replace(known, id=object_id, label=row["class"], group=group, split=split))
    listed = set(paths.values())
    others = [replace(record, label="") for record in found if record.id not in listed]
    if twice := next((record.id for record in others if record.id in paths), None):
        raise UserError(f"{path}: the id '{twice}' is the path of another file; give it another id")
    return [*records, *others], paths | {record.id: record.id for record in others}


def _read(path: Path) -> pd.DataFrame:
    """The CSV's rows with all columns, empty where nothing is given."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; `labels` of a data set of kind folder must name a CSV")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV ({error})") from error
    if unknown := sorted(set(table.columns) - set(COLUMNS)):
        raise UserError(f"{path}: unknown column '{unknown[0]}'; the first line may hold {','.join(COLUMNS)}")
    if not {"id", "path"} & set(table.columns):
        raise UserError(f"{path}: needs a column `id` or `path`")
    table = table.reindex(columns=list(COLUMNS), fill_value="").map(str.strip)
    for line, row in enumerate(table.itertuples(), start=2):
        if row.split not in SPLITS:
            raise UserError(f"{path}: line {line}: split '{row.split}' is none of train, test, pretrain")
        if not row.id and not row.path:
            raise UserError(f"{path}: line {line} has neither id nor path")
    return table


def open_source(source: FolderSource) -> FileDataset:
    """Open the meshes below a folder, or its point clouds if it holds no mesh; they are read in metres.

    Ids are paths in the folder, or those that the CSV gives. Objects of the CSV come first, in its order.

    Raises:
        UserError: if the folder is missing or holds neither, or its CSV is wrong.
    """
    listing = FolderListing.read(Path(source.path))
    records = [_record(path.relative_to(listing.folder), listing.folder.name) for path in listing.files]
    names = {record.id: record.id for record in records}
    if source.labels:
        records, names = read_labels(Path(source.labels), records)
    files, up = Files(listing.folder), None if source.up == "file" else source.up
    scale = np.eye(3) * METRES[source.units]
    places = {object_id: ObjectFile(files, name, up, scale) for object_id, name in names.items()}
    return FileDataset(records, places, has_clouds=not listing.has_meshes)


def _record(path: Path, library: str) -> ObjectRecord:
    label, key = path.parts[0] if len(path.parts) > 1 else "", path.as_posix()
    return ObjectRecord(key, library, path.stem, label, key, licence="not stated", creator="not stated")
