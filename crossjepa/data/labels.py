"""The CSV that names the objects of a folder, their classes, splits and groups."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pandas as pd

from crossjepa.data.dataset import ObjectRecord
from crossjepa.errors import UserError

COLUMNS = ("id", "path", "class", "split", "group")
SPLITS = ("", "train", "test", "pretrain")


def read_labels(path: Path, found: Sequence[ObjectRecord]) -> tuple[list[ObjectRecord], dict[str, str]]:
    """Join a CSV with the files of its folder.

    Args:
        path: the CSV. `path` is a file's path in the folder, `id` names the object; one of the two is
            needed. Without `path`, `id` is the file's name less its suffix, as Objaverse's are. `class`,
            `split` (train, test, pretrain) and `group` may be left out or empty.
        found: a record for each file, with its path as id.

    Returns:
        The CSV's objects in its order, then the unlabelled files that it does not name; and each id's file,
        which need not exist: reading it sets the object aside.

    Raises:
        UserError: if the CSV is missing, has other columns or splits, or an id twice.
    """
    table = _read(path)
    files = {record.id: record for record in found}
    stems = {PurePosixPath(name).stem: name for name in files}
    records, paths = [], {}
    for row in table.to_dict("records"):
        name = row["path"] or stems.get(row["id"], row["id"])
        object_id = row["id"] or name
        if object_id in paths:
            raise UserError(f"{path}: the id '{object_id}' stands twice; ids must be unique")
        paths[object_id] = name
        known = files.get(name, replace(found[0], name=PurePosixPath(name).stem))
        group, split = row["group"] or object_id, row["split"]
        records.append(replace(known, id=object_id, label=row["class"], group=group, split=split))
    named = set(paths.values())
    others = [replace(record, label="") for record in found if record.id not in named]
    if twice := next((record.id for record in others if record.id in paths), None):
        raise UserError(f"{path}: the id '{twice}' is the path of another file; give it another id")
    return [*records, *others], paths | {record.id: record.id for record in others}


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file; `labels` of a data set of kind folder must name a CSV")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV ({error})") from error
    if unknown := sorted(set(table.columns) - set(COLUMNS)):
        known = ", ".join(COLUMNS)
        raise UserError(
            f"{path}: no column '{unknown[0]}' is known; it may have {known}, set apart by commas"
        )
    if not {"id", "path"} & set(table.columns):
        raise UserError(f"{path}: needs a column `id` or `path`")
    table = table.reindex(columns=list(COLUMNS), fill_value="").map(str.strip)
    wrong = table[~table["split"].isin(SPLITS)]
    if len(wrong):
        where = f"{path}: line {wrong.index[0] + 2}"
        raise UserError(f"{where}: split '{wrong['split'].iloc[0]}' is none of train, test, pretrain")
    nameless = table[(table["id"] == "") & (table["path"] == "")]
    if len(nameless):
        raise UserError(f"{path}: line {nameless.index[0] + 2} has neither id nor path")
    return table
