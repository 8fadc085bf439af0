"""Downloads that resume after an interruption, and that are kept only if they arrive complete."""

import hashlib
import re
import urllib.error
import urllib.request
import zipfile
import zlib
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from crossjepa.data.location import Archive
from crossjepa.errors import UserError
from crossjepa.progress import bar

PIECE = 1 << 20  # bytes
TIMEOUT = 60  # seconds without a byte


def download(archive: Archive, file: Path, description: str, quiet: bool = False) -> str:
    """Download an archive; one that was interrupted resumes where the server allows it.

    Args:
        archive: what to download.
        file: where it goes once it is complete: its digest is compared, or the members of a zip are read.
        description: title of the progress bar.
        quiet: draw no progress bar.

    Returns:
        The file's digest, as `<algorithm>:<hex>`; SHA-256 if none is published.

    Raises:
        UserError: with the reason alone, if it cannot be downloaded, or arrives incomplete or damaged.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.partial")
    try:
        _receive(archive.url, partial, description, quiet)
    except (OSError, HTTPException) as error:
        raise UserError(f"{archive.url}: {str(error) or type(error).__name__}") from error
    try:
        digest = _check(partial, archive)
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        partial.unlink()
        raise UserError(f"{archive.url}: arrived damaged ({error})") from error
    partial.replace(file)
    return digest


def _receive(url: str, partial: Path, description: str, quiet: bool) -> None:
    """Append the missing rest of a file.

    Raises:
        OSError: if not all of it arrives.
    """
    have = partial.stat().st_size if partial.exists() else 0
    try:
        response = _request(url, have)
    except urllib.error.HTTPError as error:
        size = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
        if error.code != 416 or not have:
            raise
        if size and int(size[1]) == have:  # interrupted after the last byte
            return
        partial.unlink()  # another version than the server's
        have, response = 0, _request(url, 0)
    if response.status != 206:  # the server cannot resume and sends the file from its beginning
        have = 0
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    with (
        response,
        partial.open("ab" if have else "wb") as file,
        bar(total or 0, description, "B", scale=True, quiet=quiet) as progress,
    ):
        progress.update(have)
        while piece := response.read(PIECE):
            file.write(piece)
            progress.update(len(piece))
    if total is not None and partial.stat().st_size != total:
        raise OSError(f"{partial.stat().st_size:,} of {total:,} bytes arrived")


def _request(url: str, have: int) -> HTTPResponse:
    headers = {"User-Agent": "crossjepa", **({"Range": f"bytes={have}-"} if have else {})}
    response: Any = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    return response


def _check(file: Path, archive: Archive) -> str:
    """A file's digest, compared with the published one, or else with the checksums inside a zip."""
    algorithm = (archive.digest or "sha256:").partition(":")[0]
    with file.open("rb") as content:
        digest = f"{algorithm}:{hashlib.file_digest(content, algorithm).hexdigest()}"
    if archive.digest and digest != archive.digest:
        raise ValueError(f"{digest} instead of {archive.digest}")
    if not archive.digest and (damaged := zipfile.ZipFile(file).testzip()):
        raise ValueError(f"Bad CRC-32 for file {damaged}")
    return digest
