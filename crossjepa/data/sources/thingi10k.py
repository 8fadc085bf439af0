"""Thingi10K (Zhou and Jacobson 2016, arXiv:1605.04797): 10,000 models for 3D printing, without colours.

Its makers keep it on the Hugging Face hub: one archive of meshes, and tables with licences and creators. Most
models are STL files, in which +Z points up.
"""

import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from crossjepa.data.collection import download_files, in_fixed_order, open_collection, write_collection
from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.file_dataset import FileDataset
from crossjepa.data.settings import Thingi10KSource
from crossjepa.errors import UserError
from crossjepa.files import printable, write_whole
from crossjepa.progress import bar

REPOSITORY, REVISION = "Thingi10K/Thingi10K", "v1.5.0"
ARCHIVE, MESHES = "Thingi10K.tar.gz", "Thingi10K/raw_meshes"
FILES, THINGS = "metadata/input_summary.csv", "metadata/contextual_data.csv"
# Parts of the licences' names on Thingiverse, and of the names used here.
TERMS = {"attribution": "by", "commercial": "nc", "share": "sa", "derivat": "nd"}
WHOLE = {"public domain": "public-domain", "lgpl": "lgpl", "gpl": "gpl", "bsd": "bsd"}


def open_source(source: Thingi10KSource) -> FileDataset:
    """Open the models of a download. Ids are the numbers of their files; parts of one thing are a group.

    Raises:
        UserError: if they are not here.
    """
    return open_collection(source.path, "Thingi10K", up="z")


def fetch(source: Thingi10KSource, table: Path) -> None:
    """Download the archive, unpack models and list them in `table`; those of an earlier call are kept.

    Raises:
        UserError: if something cannot be downloaded, or no model has such a licence.
    """
    folder = table.parent
    files, things = (_read(name, folder) for name in (FILES, THINGS))
    known = files.merge(things.drop_duplicates("Thing ID"), on="Thing ID", how="left").fillna("")
    rows: list[dict[str, str]] = known.query("Link != ''").to_dict("records")  # type: ignore[assignment]
    allowed = {row["ID"]: row for row in rows if short_licence(row["License"]) in source.licences}
    if not allowed:
        raise UserError(f"data: no model of Thingi10K has one of the licences {', '.join(source.licences)}")
    rows = [allowed[number] for number in in_fixed_order(allowed)[: source.objects]]
    chosen = {_path(row): _record(row) for row in rows}
    _unpack(chosen, folder)
    write_collection(table, {path: record for path, record in chosen.items() if (folder / path).is_file()})


def short_licence(name: str) -> str:
    """A licence by its name on Thingiverse: `by-nc-sa` for `Creative Commons - Attribution - Non-Commercial -
    Share Alike`; the name itself if it is none of those known.
    """
    lower = name.lower()
    parts = [short for term, short in TERMS.items() if term in lower]
    if "creative commons" in lower and parts[:1] == ["by"]:
        return "-".join(parts)
    return next((short for term, short in WHOLE.items() if term in lower), name)


def _read(name: str, folder: Path) -> pd.DataFrame:
    """A table of the repository, all of it text."""
    if not download_files(REPOSITORY, [name], folder, f"fetch {name}", revision=REVISION):
        raise UserError(f"{REPOSITORY}: this data set of the hub has no {name} in {REVISION}")
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False)


def _unpack(wanted: Mapping[str, object], folder: Path) -> None:
    """Unpack those of the wanted meshes that are not there yet."""
    missing = {path for path in wanted if not (folder / path).is_file()}
    if not missing:
        return
    if not download_files(REPOSITORY, [ARCHIVE], folder, f"fetch {ARCHIVE}", revision=REVISION):
        raise UserError(f"{REPOSITORY}: this data set of the hub has no {ARCHIVE} in {REVISION}")
    try:
        with tarfile.open(folder / ARCHIVE) as archive, bar(len(missing), "unpack", "mesh") as progress:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in missing and (content := archive.extractfile(member)):
                    with write_whole(folder / name) as partial, partial.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    progress.update()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(f"{folder / ARCHIVE}: damaged ({error}); delete it and run again") from error


def _path(row: Mapping[str, str]) -> str:
    """A model's file in the archive; its suffix is that of its address on Thingiverse."""
    return f"{MESHES}/{row['ID']}{PurePosixPath(row['Link']).suffix.lower()}"


def _record(row: Mapping[str, str]) -> ObjectRecord:
    return ObjectRecord(
        id=row["ID"],
        source="Thingi10K",
        name=printable(row["Name"]),
        label=row["Category"],
        group=f"thing-{row['Thing ID']}",
        licence=row["License"],
        creator=printable(f"{row['Author']} (thingiverse.com/thing:{row['Thing ID']})"),
    )
