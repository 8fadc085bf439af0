"""Files that appear whole or not at all, and their digests."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Yield a path to write to; the file moves to `path`, flushed to disk, if the block raises no error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    yield partial
    default_rights(partial)
    flush(partial)
    os.replace(partial, path)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all."""
    with write_whole(path) as partial:
        partial.write_text(text, "utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write plain JSON types to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def printable(name: str) -> str:
    """A file's name, or a text with it, in which bytes that are not UTF-8 are written as \\udc.."""
    return name.encode("utf-8", "backslashreplace").decode()


def default_rights(file: Path) -> None:
    """Give a file the rights of any new file, as the umask says; safetensors gives only its owner any."""
    mask = os.umask(0o077)  # it can only be read by setting it
    os.umask(mask)
    file.chmod(0o666 & ~mask)


def flush(file: Path) -> None:
    """Make a written file survive a power cut."""
    with file.open("rb") as handle:
        os.fsync(handle.fileno())


def sha256_file(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
