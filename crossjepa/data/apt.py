"""Downloading a package through apt, without being root and without installing it."""

import re
import subprocess
import time
from pathlib import Path

from crossjepa.data.location import Archive
from crossjepa.errors import UserError
from crossjepa.progress import bar


def download_package(archive: Archive, file: Path, description: str) -> None:
    """Download a package through apt; an interrupted download resumes.

    Args:
        archive: the package: its digest is compared with what apt offers.
        file: where it goes, under the archive's own name. Apt's lists go beside it.
        description: title of the progress bar.

    Raises:
        UserError: with the reason alone, if apt is missing or does not offer this very file.
    """
    lists = file.parent.resolve() / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-o", f"Dir::State::Lists={lists}"]
    _run([*apt, "update"], lists)
    package = "=".join(archive.name.split("_")[:2])
    # In a folder without the package: apt says nothing of what is there already.
    offered = _run([*apt, "download", "--print-uris", package], lists)
    found = re.search(r"^'\S+' \S+ (\d+) (\S+)", offered, flags=re.MULTILINE)
    if not found or found[2].lower() != archive.digest:
        raise UserError(f"apt-get offers another build of {package}")
    _download([*apt, "download", package], file, int(found[1]), description)


def _download(command: list[str], file: Path, size: int, description: str) -> None:
    running = subprocess.Popen(
        command, cwd=file.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with bar(size, description, "B", scale=True) as progress:
        while running.poll() is None:
            time.sleep(0.2)
            here = file.stat().st_size if file.exists() else 0
            progress.update(here - progress.n)
    _check(running.returncode, running.communicate()[1])


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("apt-get is not on this machine") from None
    _check(done.returncode, done.stderr)
    return done.stdout


def _check(code: int, messages: str) -> None:
    if code != 0:
        raise UserError(f"apt-get failed ({(messages.strip().splitlines() or ['no message'])[-1]})")
