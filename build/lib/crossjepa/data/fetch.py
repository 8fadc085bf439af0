"""Fetching data sets that need no login: ModelNet over HTTP, furniture through apt without being root."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from crossjepa.data.download import download
from crossjepa.data.location import FURNITURE_ARCHIVES, MODELNET_ARCHIVES
from crossjepa.data.settings import Source
from crossjepa.data.sources.furniture import check_archive
from crossjepa.errors import UserError
from crossjepa.progress import bar

PACKAGE = "sweethome3d-furniture=1.8-1"
INSIDE = "usr/share/sweethome3d/furniture"
NEEDED = f"{', '.join(FURNITURE_ARCHIVES)} of Debian's package sweethome3d-furniture 1.8-1"
BY_HAND = f"put {NEEDED} into a folder and set data.furniture.path to it"


def fetch(source: Source, output: Path) -> None:
    """Download a data set.

    Args:
        source: its entry under `data`.
        output: for furniture the folder to fill, for ModelNet the zip to write.

    Raises:
        UserError: if it cannot be downloaded; says how to get it otherwise.
    """
    if source.kind == "furniture":
        fetch_furniture(output)
    elif source.kind == "modelnet":
        archive = MODELNET_ARCHIVES[source.release, source.categories]
        print(f"{archive.url}: {download(archive, output, f'fetch {output.name}')}", file=sys.stderr)
    else:
        raise UserError(f"data sets of kind {source.kind} cannot be fetched; set their `path`")


def fetch_furniture(folder: Path) -> None:
    """Download Debian's furniture package and put its five archives into `folder`.

    An interrupted download resumes; `folder` only receives checked archives.

    Raises:
        UserError: if apt is missing or does not offer the package; says which files to put where.
    """
    work = folder / ".download"
    (work / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    _run(["dpkg-deb", "-x", _download(work).name, "unpacked"], work)
    for name in FURNITURE_ARCHIVES:
        check_archive(work / "unpacked" / INSIDE / name)
    for name in FURNITURE_ARCHIVES:
        (work / "unpacked" / INSIDE / name).replace(folder / name)
    shutil.rmtree(work)


def _download(work: Path) -> Path:
    apt = ["apt-get", "-o", f"Dir::State::Lists={(work / 'lists').resolve()}"]
    _run([*apt, "update"], work)
    offered = _run([*apt, "download", "--print-uris", PACKAGE], work)
    found = re.search(r"^'\S+' (\S+\.deb) (\d+)", offered, flags=re.MULTILINE)
    if not found:
        raise UserError(f"apt does not offer {PACKAGE}; {BY_HAND}")
    package, size = work / found[1], int(found[2])
    if package.is_file() and package.stat().st_size == size:
        return package
    running = subprocess.Popen([*apt, "download", PACKAGE], cwd=work, stdout=subprocess.DEVNULL)
    with bar(size, "fetch furniture", "B", scale=True) as progress:
        while running.poll() is None:
            time.sleep(0.2)
            here = sum(path.stat().st_size for path in work.glob("*.deb*") if path.exists())
            progress.update(here - progress.n)
    if running.returncode != 0:
        raise UserError(f"apt could not download {PACKAGE}; run again to resume, or {BY_HAND}")
    return package


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not on this machine; {BY_HAND}") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"{' '.join(command[:2])} failed ({last}); {BY_HAND}") from error
    return done.stdout
