"""Reading Debian's packages on any system: an `ar` archive whose member `data.tar.xz` holds the files."""

import shutil
import tarfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from crossjepa.errors import UserError

MAGIC = b"!<arch>\n"
HEADER = 60  # bytes before each member: its name in the first 16, its size in ten from byte 48


def unpack(package: Path, names: Collection[str], folder: Path) -> None:
    """Copy files out of a package, without installing it.

    Args:
        package: the `.deb`.
        names: names of the files, without the folders that they are in.
        folder: where they go, side by side.

    Raises:
        UserError: if it is not such a package, or is damaged.
    """
    try:
        with package.open("rb") as file:
            _find(file, "data.tar.xz")
            with tarfile.open(fileobj=file, mode="r|xz") as content:
                for member in content:
                    name = PurePosixPath(member.name).name
                    if name in names and (source := content.extractfile(member)):
                        with (folder / name).open("wb") as target:
                            shutil.copyfileobj(source, target)
    except (ValueError, tarfile.TarError, EOFError) as error:
        raise UserError(f"{package}: cannot be unpacked ({error})") from error


def _find(file: BinaryIO, name: str) -> None:
    """Go to the beginning of a member.

    Raises:
        ValueError: if there is none of that name.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError("not a Debian package")
    while len(header := file.read(HEADER)) == HEADER:
        if header[:16].decode("ascii").rstrip(" /") == name:
            return
        size = int(header[48:58])
        file.seek(size + size % 2, 1)  # members begin at even bytes
    raise ValueError(f"no {name} in it")
