"""Downloads that can be taken up again, and are only kept when they are whole."""

import hashlib
import os
import re
import sys
import urllib.error
import urllib.request
import zipfile
import zlib
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from crossjepa.config import ModelNetSource
from crossjepa.errors import UserError
from crossjepa.progress import bar, track

PIECE = 1 << 20  # bytes
PATIENCE = 60  # seconds without a byte
MODELNET = {
    ("meshes", 40): "http://modelnet.cs.princeton.edu/ModelNet40.zip",
    ("meshes", 10): "http://vision.princeton.edu/projects/2014/3DShapeNets/ModelNet10.zip",
    ("resampled", 40): "https://shapenet.cs.stanford.edu/media/modelnet40_normal_resampled.zip",
    ("resampled", 10): "https://shapenet.cs.stanford.edu/media/modelnet40_normal_resampled.zip",
    ("hdf5", 40): "https://shapenet.cs.stanford.edu/media/modelnet40_ply_hdf5_2048.zip",
}


def fetch_modelnet(source: ModelNetSource, file: Path) -> None:
    """Download a release of ModelNet.

    Its publishers state no digest: the archive is checked by its length and its members' CRC-32, and the
    SHA-256 that was found is printed, to compare with other downloads.

    Args:
        source: says which release.
        file: the zip to write.

    Raises:
        UserError: if the release does not exist or cannot be had.
    """
    url = MODELNET.get((source.release, source.categories))
    if url is None:
        raise UserError("data: ModelNet10 has no release `hdf5`; set `release` to `meshes` or `resampled`")
    digest = download(url, file, sha256=None, description=f"fetch {file.name}")
    print(f"{url}: sha256 {digest}", file=sys.stderr)


def download(url: str, file: Path, *, sha256: str | None, description: str) -> str:
    """Download a file; one that was broken off is taken up again where the server allows it.

    Args:
        url: where it is.
        file: where it goes, once it is whole: a zip's members are read and checked.
        sha256: what its bytes must hash to, if that is known.
        description: what to call it while it comes.

    Returns:
        The SHA-256 of the file.

    Raises:
        UserError: if it cannot be had, or is not whole.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.partial")
    try:
        size = _receive(url, partial, description)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"{url}: {error or type(error).__name__}; run again to go on, {_remedy(file)}"
        ) from error
    if size is not None and partial.stat().st_size != size:
        raise UserError(
            f"{url}: {partial.stat().st_size:,} of {size:,} bytes came; run again to go on, {_remedy(file)}"
        )
    try:
        with partial.open("rb") as received:
            digest = hashlib.file_digest(received, "sha256").hexdigest()
        if sha256 not in (None, digest):
            raise ValueError(f"sha256 {digest}, where {sha256} is right")
        if file.suffix == ".zip":
            _read_through(partial)
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        partial.unlink()
        raise UserError(
            f"{url}: came damaged ({error}); run again to fetch it anew, {_remedy(file)}"
        ) from error
    os.replace(partial, file)
    return digest


def _receive(url: str, partial: Path, description: str) -> int | None:
    """Append what is missing of a file; gives its whole size in bytes, where the server tells it."""
    have = partial.stat().st_size if partial.exists() else 0
    try:
        response = _ask(url, have)
    except urllib.error.HTTPError as error:
        told = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
        if error.code != 416 or not have:
            raise
        if told and int(told[1]) == have:  # killed after its last byte
            return have
        partial.unlink()  # of another version than the server's
        have, response = 0, _ask(url, 0)
    with response:
        if response.status != 206:  # a server that cannot go on starts again
            have = 0
        length = response.headers.get("Content-Length")
        size = have + int(length) if length else None
        with (
            partial.open("ab" if have else "wb") as file,
            bar(size or 0, description, "B", scale=True) as progress,
        ):
            progress.update(have)
            while piece := response.read(PIECE):
                file.write(piece)
                progress.update(len(piece))
    return size


def _ask(url: str, have: int) -> HTTPResponse:
    headers = {"User-Agent": "crossjepa", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(url, headers=headers)
    response: Any = urllib.request.urlopen(request, timeout=PATIENCE)
    return response


def _read_through(path: Path) -> None:
    """Read all members of a zip, which checks their CRC-32."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in track(names, len(names), f"check {path.stem}", "file"):
            with archive.open(name) as member:
                while member.read(PIECE):
                    pass


def _remedy(file: Path) -> str:
    return f"or get it by hand: put it at {file}, or set the data set's `path` to where it lies"
