"""Collections that are downloaded object by object: a table that lists the objects, beside their meshes.

The table is written last, so it lists only meshes that were downloaded. Tables of several choices of objects
may lie beside the same meshes.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.file_dataset import FileDataset, ObjectFile
from crossjepa.data.files import Files
from crossjepa.errors import UserError
from crossjepa.files import write_whole
from crossjepa.hub import MissingFile, download
from crossjepa.mesh.mesh import Axis
from crossjepa.progress import track

COLUMNS = [field.name for field in fields(ObjectRecord)]
AT_ONCE = 16  # downloads
TRIES = 3
REMEDY = "run again to resume"


def write_collection(table: Path, listed: Mapping[str, ObjectRecord]) -> None:
    """Write the table of a collection: each object, and the path of its mesh in the table's folder."""
    rows = [asdict(record) | {"path": path} for path, record in listed.items()]
    with write_whole(table) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)


def in_fixed_order(ids: Iterable[str]) -> list[str]:
    """Ids in an order that looks random and is always the same, so that more of them include fewer."""
    return sorted(ids, key=lambda object_id: hashlib.sha256(object_id.encode()).hexdigest())


def open_collection(path: str | None, title: str, up: Axis | None = None) -> FileDataset:
    """Open a collection by its table.

    Args:
        path: the table, see `write_collection`; None if it was not downloaded.
        title: the collection's name, for a message.
        up: the files' axis that points up; by default what each file says.

    Raises:
        UserError: if there is no table, or it is another one.
    """
    if path is None or not (table := Path(path)).is_file():
        missing = f"{path}: no such file" if path else f"data: {title} is not here"
        raise UserError(f"{missing}; let it be downloaded, or set `path` to the table of a download")
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    if set(rows.columns) != {*COLUMNS, "path"}:
        raise UserError(f"{table}: not the table of a download; fetch it again")
    records = [ObjectRecord(*row) for row in rows[COLUMNS].itertuples(index=False)]
    files = Files(table.parent)
    return FileDataset(
        records, {i: ObjectFile(files, path, up) for i, path in rows[["id", "path"]].to_numpy()}
    )


def download_files(
    repository: str, names: Sequence[str], folder: Path, description: str, revision: str = "main"
) -> list[str]:
    """Download files of a data set of the Hugging Face hub into a folder, those that are not there yet.

    Args:
        repository: owner/name of the data set.
        names: paths of the files in it, which they keep in the folder.
        folder: where to.
        description: title of the progress bar.
        revision: branch, tag or commit of the data set.

    Returns:
        The names of the files that are there now; the hub lacks the others.

    Raises:
        UserError: if files cannot be downloaded after several tries; what arrived stays.
    """
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if len(names) > 1:
        disable_progress_bars()  # one for each file
    failures: dict[str, UserError] = {}

    def get(name: str) -> bool:
        try:
            if not (folder / name).is_file():
                download(repository, name, REMEDY, repo_type="dataset", revision=revision, local_dir=folder)
            return True
        except MissingFile:
            return False
        except UserError as error:
            failures[name] = error
            return False

    missing = [*names]
    for _ in range(TRIES):
        failures.clear()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = track(pool.map(get, missing), len(missing), description, "file")
            missing = [name for name, there in zip(missing, found, strict=True) if not there]
        if not failures:
            break
    if failures:
        first = next(iter(failures.values()))
        raise UserError(f"{len(failures)} of {len(names)} files could not be downloaded; {first}")
    if missing:
        print(f"{repository}: has no {missing[0]} and {len(missing) - 1} others", file=sys.stderr)
    return sorted(set(names) - set(missing))
