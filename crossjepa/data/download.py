"""Downloads that can be taken up again, and are only kept when they are whole."""

import hashlib
import os
import re
import sys
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from crossjepa.data.settings import ModelNetSource
from crossjepa.errors import UserError
from crossjepa.progress import bar, track

PIECE = 1 << 20  # bytes
PATIENCE = 60  # seconds without a byte


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        url: where it is.
        digest: what it hashes to, as `<algorithm>:<hex>`; none where nobody has said so.
    """

    url: str
    digest: str | None


# The publishers state no digests: these are what independent projects insist on, such as FluxML/Flux3D.jl
# on those of the meshes. The server of the points has refused connections for long; of the HDF5 files
# there is a copy.
RESAMPLED = Archive("https://shapenet.cs.stanford.edu/media/modelnet40_normal_resampled.zip", None)
MODELNET = {
    ("meshes", 40): Archive(
        "http://modelnet.cs.princeton.edu/ModelNet40.zip",
        "sha256:42dc3e656932e387f554e25a4eb2cc0e1a1bd3ab54606e2a9eae444c60e536ac",
    ),
    ("meshes", 10): Archive(
        "http://3dvision.princeton.edu/projects/2014/3DShapeNets/ModelNet10.zip",
        "sha256:9d8679435fc07d1d26f13009878db164a7aa8ea5e7ea3c8880e42794b7307d51",
    ),
    ("resampled", 40): RESAMPLED,
    ("resampled", 10): RESAMPLED,
    ("hdf5", 40): Archive(
        "https://huggingface.co/datasets/Msun/modelnet40/resolve/main/modelnet40_ply_hdf5_2048.zip",
        "md5:c9ab8e6dfb16f67afdab25e155c79e59",
    ),
}


def fetch_modelnet(source: ModelNetSource, file: Path) -> None:
    """Download a release of ModelNet.

    Args:
        source: says which release.
        file: the zip to write.

    Raises:
        UserError: if the release does not exist or cannot be had.
    """
    archive = MODELNET.get((source.release, source.categories))
    if archive is None:
        raise UserError("data: ModelNet10 has no release `hdf5`; set `release` to `meshes` or `resampled`")
    digest = download(archive, file, f"fetch {file.name}")
    print(f"{archive.url}: {digest}", file=sys.stderr)


def download(archive: Archive, file: Path, description: str) -> str:
    """Download an archive; one that was broken off is taken up again where the server allows it.

    Args:
        archive: what to download.
        file: where it goes, once it is whole: a zip's members are read and checked.
        description: what to call it while it comes.

    Returns:
        The file's digest, as `<algorithm>:<hex>`; SHA-256 where none was stated.

    Raises:
        UserError: if it cannot be had, or is not whole.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.partial")
    try:
        size = _receive(archive.url, partial, description)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"{archive.url}: {error or type(error).__name__}; run again to go on, {_remedy(file)}"
        ) from error
    if size is not None and partial.stat().st_size != size:
        raise UserError(
            f"{archive.url}: {partial.stat().st_size:,} of {size:,} bytes came; run again to go on, "
            f"{_remedy(file)}"
        )
    try:
        with partial.open("rb") as received:
            algorithm = (archive.digest or "sha256:").partition(":")[0]
            digest = f"{algorithm}:{hashlib.file_digest(received, algorithm).hexdigest()}"
        if archive.digest not in (None, digest):
            raise ValueError(f"{digest}, where {archive.digest} is right")
        if file.suffix == ".zip":
            _read_through(partial)
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        partial.unlink()
        raise UserError(
            f"{archive.url}: came damaged ({error}); run again to fetch it anew, {_remedy(file)}"
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
    return (
        f"or get it by hand (README.md says where): put it at {file}, or set the data set's `path` to where "
        "it lies"
    )
