"""Fetching the furniture archives through apt, without being root."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from crossjepa.data.furniture import check_archives
from crossjepa.data.location import FURNITURE_ARCHIVES
from crossjepa.errors import UserError
from crossjepa.progress import bar

PACKAGE = "sweethome3d-furniture=1.8-1"
INSIDE = "usr/share/sweethome3d/furniture"


def fetch_furniture(folder: Path) -> None:
    """Download Debian's furniture package and put its five archives into `folder`.

    A download that was killed is taken up again; `folder` only receives checked archives.

    Raises:
        UserError: if apt is missing or cannot reach the package; it says what to put where.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / ".download"
    work.mkdir(exist_ok=True)
    package = _download(work)
    _run(["dpkg-deb", "-x", package.name, "unpacked"], work)
    unpacked = work / "unpacked" / INSIDE
    check_archives(unpacked)
    for name in FURNITURE_ARCHIVES:
        os.replace(unpacked / name, folder / name)
    shutil.rmtree(work)


def _download(work: Path) -> Path:
    lists = work / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-o", f"Dir::State::Lists={lists.resolve()}"]
    _run([*apt, "update"], work)
    offered = _run([*apt, "download", "--print-uris", PACKAGE], work)
    found = re.search(r"^'\S+' (\S+\.deb) (\d+)", offered, flags=re.MULTILINE)
    if not found:
        raise UserError(f"apt does not offer {PACKAGE}; {_remedy()}")
    package, size = work / found[1], int(found[2])
    if package.is_file() and package.stat().st_size == size:
        return package
    running = subprocess.Popen([*apt, "download", PACKAGE], cwd=work, stdout=subprocess.DEVNULL)
    with bar(size, "fetch furniture", "B", scale=True) as progress:
        while running.poll() is None:
            time.sleep(0.2)
            progress.update(_size(work) - progress.n)
        progress.update(_size(work) - progress.n)
    if running.returncode != 0:
        raise UserError(f"apt could not download {PACKAGE}; run again to go on, or {_remedy()}")
    return package


def _size(work: Path) -> int:
    return sum(path.stat().st_size for path in work.glob("*.deb*") if path.exists())


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not on this machine; {_remedy()}") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"{' '.join(command[:2])} failed ({last}); {_remedy()}") from error
    return done.stdout


def _remedy() -> str:
    names = ", ".join(FURNITURE_ARCHIVES)
    return (
        f"put {names} of Debian's package sweethome3d-furniture 1.8-1 into a folder and set "
        "data.furniture.path to it"
    )
