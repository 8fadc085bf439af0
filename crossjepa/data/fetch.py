"""Fetching data sets that need no login: over HTTP, as Debian's package, or from the Hugging Face hub."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from crossjepa.data.apt import download_package
from crossjepa.data.deb import unpack
from crossjepa.data.download import download
from crossjepa.data.location import (
    COLLECTIONS,
    FURNITURE_ARCHIVES,
    FURNITURE_PACKAGES,
    MODELNET_ARCHIVES,
    Archive,
)
from crossjepa.data.registry import adapter
from crossjepa.data.settings import ModelNetSource, Source
from crossjepa.data.sources.furniture import NEEDED, check_archive
from crossjepa.errors import UserError


def fetch(source: Source, output: Path) -> None:
    """Download a data set.

    Args:
        source: its entry under `data`.
        output: for furniture the folder to fill, for ModelNet the zip to write, for a collection its table.

    Raises:
        UserError: if it cannot be downloaded; says how to get it otherwise.
    """
    if source.kind == "furniture":
        fetch_furniture(output)
    elif source.kind == "modelnet":
        fetch_modelnet(source, output)
    elif source.kind in COLLECTIONS:
        adapter(source).fetch(source, output)
    else:
        raise UserError(f"data sets of kind {source.kind} cannot be fetched; set their `path`")


def fetch_modelnet(source: ModelNetSource, file: Path) -> None:
    """Download the zip of a release; an interrupted download resumes.

    Raises:
        UserError: if it cannot be downloaded; says where to put it instead.
    """
    archive = MODELNET_ARCHIVES[source.release, source.categories]
    try:
        print(f"{archive.url}: {download(archive, file, f'fetch {file.name}')}", file=sys.stderr)
    except UserError as error:
        by_hand = f"put it at {file}, or set the data set's `path` to where it lies"
        raise UserError(f"{error}; run again to resume, or get it by hand: {by_hand}") from error


def fetch_furniture(folder: Path) -> None:
    """Download Debian's furniture package and put its five archives into `folder`.

    An interrupted download resumes; `folder` only receives checked archives.

    Raises:
        UserError: if no source has the package; says why, and which files to put where.
    """
    work = folder / ".download"
    work.mkdir(parents=True, exist_ok=True)
    unpack(_download_furniture(work), FURNITURE_ARCHIVES, work)
    for name in FURNITURE_ARCHIVES:
        check_archive(work / name)
    for name in FURNITURE_ARCHIVES:
        (work / name).replace(folder / name)
    shutil.rmtree(work)


def _download_furniture(folder: Path) -> Path:
    """Download the package from the first source that has it: apt, which knows a near mirror, or a server.

    Raises:
        UserError: with what each source said.
    """
    file = folder / FURNITURE_PACKAGES[0].name
    sources: list[tuple[Callable[[Archive, Path, str], object], Archive]]
    sources = [(download_package, FURNITURE_PACKAGES[0]), *((download, here) for here in FURNITURE_PACKAGES)]
    failures = []
    for get, archive in sources:
        try:
            get(archive, file, "fetch furniture")
            return file
        except UserError as error:
            print(error, file=sys.stderr)
            failures.append(str(error))
    by_hand = f"put {NEEDED} into a folder and set data.furniture.path to it"
    raise UserError(f"furniture: {'; '.join(failures)}; run again to resume, or {by_hand}")
