"""The user's own meshes or point clouds: a tree of files, with classes from its folders or from a CSV."""

import os
import posixpath
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.file_dataset import FileDataset, ObjectFile
from crossjepa.data.files import Files
from crossjepa.data.listing import FolderListing
from crossjepa.data.settings import FolderSource
from crossjepa.errors import UserError
from crossjepa.files import printable

COLUMNS = ("id", "path", "class", "split", "group")
SPLITS = ("", "train", "test", "pretrain")
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}


def read_labels(
    path: Path, folder: Path, found: Sequence[ObjectRecord]
) -> tuple[list[ObjectRecord], dict[str, str]]:
    """Join a CSV with the files of its folder.

    Args:
        path: the CSV. `path` is a file's path in the folder, or an absolute one; `id` names the object; one
            of the two is needed. Without `path`, `id` is the file's name without suffix, as in Objaverse, or
            its path in any spelling. `class`, `split` (train, test, pretrain) and `group` may be left out or
            empty.
        folder: the folder.
        found: a record for each file, with its path as id.

    Returns:
        The CSV's objects in its order, then the files that it does not list, unlabelled; and each id's file.
        A file that does not exist is set aside when it is read. Without `group`, an object is a group with
        its files in other formats (see `_shape`).

    Raises:
        UserError: if the CSV is missing or has unknown columns or splits, if an id occurs twice, or if a row
            without `path` fits several files.
    """
    files = {record.id: record for record in found}
    fits: dict[str, list[str]] = {}
    for name in files:
        for key in {name, _shape(name), PurePosixPath(name).stem}:
            fits.setdefault(key, []).append(name)
    records, paths = [], {}
    groups: dict[str, str] = {}
    for row in _read(path).to_dict("records"):
        fitting = fits.get(row["id"]) or fits.get(_inside(folder, row["id"]), [row["id"]])
        if row["path"]:
            fitting = [row["path"] if row["path"] in files else _inside(folder, row["path"])]
        if len(fitting) > 1:
            several = " and ".join(fitting)
            raise UserError(f"{path}: the id '{row['id']}' fits {several}; name one in a column `path`")
        object_id = row["id"] or fitting[0]
        if object_id in paths:
            raise UserError(f"{path}: the id '{object_id}' occurs twice; ids must be unique")
        paths[object_id] = fitting[0]
        known = files.get(fitting[0], replace(found[0], name=PurePosixPath(fitting[0]).stem))
        group = row["group"] or groups.get(_shape(fitting[0]), object_id)
        groups.setdefault(_shape(fitting[0]), group)
        records.append(replace(known, id=object_id, label=row["class"], group=group, split=row["split"]))
    listed = set(paths.values())
    others = [
        replace(record, label="", group=groups.get(_shape(record.id), record.group))
        for record in found
        if record.id not in listed
    ]
    if twice := next((record.id for record in others if record.id in paths), None):
        raise UserError(f"{path}: the id '{twice}' is the path of another file; give it another id")
    return [*records, *others], paths | {record.id: record.id for record in others}


def _shape(name: str) -> str:
    """A file's path without suffix: what files with one object in several formats have in common."""
    return posixpath.splitext(name)[0]


def _inside(folder: Path, path: str) -> str:
    """A path in a folder as the folder's listing writes it: relative, without `.` and `..`."""
    root = os.path.abspath(folder)
    target = os.path.normpath(os.path.join(root, path.replace("\\", "/")))
    if os.path.commonpath([root, target]) != root:  # the folder may have another name, through a link
        root = os.path.realpath(root)
        target = os.path.join(os.path.realpath(os.path.dirname(target)), os.path.basename(target))
    return Path(os.path.relpath(target, root)).as_posix()


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
    """Open the meshes or the point clouds below a folder, whichever are more; they are read in metres.

    Ids are paths in the folder, or those that the CSV gives. Objects of the CSV come first, in its order.

    Raises:
        UserError: if the folder is missing or holds neither, or its CSV is wrong.
    """
    listing = FolderListing.read(Path(source.path))
    there = {printable(name): name for name in listing.names}
    groups: dict[str, str] = {}
    records = [_record(name, listing.folder.name, groups.setdefault(_shape(name), name)) for name in there]
    names = {record.id: record.id for record in records}
    if source.labels:
        records, names = read_labels(Path(source.labels), listing.folder, records)
    files, up = Files(listing.folder), None if source.up == "file" else source.up
    scale = np.eye(3) * METRES[source.units]
    places = {
        object_id: ObjectFile(files, there.get(name, name), up, scale) for object_id, name in names.items()
    }
    return FileDataset(records, places, not listing.has_meshes, listing.passed_over)


def _record(name: str, library: str, group: str) -> ObjectRecord:
    label, title = name.partition("/")[0] if "/" in name else "", posixpath.basename(_shape(name))
    return ObjectRecord(name, library, title, label, group, licence="not stated", creator="not stated")
