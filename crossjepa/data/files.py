"""Files in a folder or a zip archive."""

import io
import os
import posixpath
import re
import zipfile
import zlib
from contextlib import suppress
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from crossjepa.errors import BadMesh, UserError
from crossjepa.mesh.mesh import Mesh
from crossjepa.mesh.read import read_mesh

HIDDEN = re.compile(r"(^|/)(\.|__MACOSX(/|$))")


class Files:
    """The files below a folder, or inside a zip archive, which is read without unpacking it to disk.

    Names are relative to `path`, with forward slashes. In an archive, a name that does not exist is looked up
    again without regard to case.

    Raises:
        UserError: if `path` is missing, or is neither a folder nor a complete zip archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise UserError(f"{path}: no such file or folder; set the data set's `path` to where it lies")
        try:
            self._archive = None if path.is_dir() else zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: not a readable archive ({error}); fetch it again") from error

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read from; seeking is fast, because files of an archive are unpacked into memory."""
        if self._archive is None:
            path = self.path / name
            if path.exists() and not path.is_file():
                raise OSError(0, "not a regular file")  # reading from a pipe would wait forever
            return path.open("rb")
        exact = name in self._archive.NameToInfo
        return io.BytesIO(self._archive.read(name if exact else self._by_lower_case.get(name.lower(), name)))

    @cached_property
    def names(self) -> list[str]:
        """Names of all files, sorted, without hidden ones and those that macOS adds to archives."""
        if self._archive is None:
            files = (file for file in self.path.rglob("*") if file.is_file())
            names = [file.relative_to(self.path).as_posix() for file in files]
        else:
            names = [name for name in self._archive.namelist() if not name.endswith("/")]
        return sorted(name for name in names if not HIDDEN.search(name))

    @cached_property
    def _by_lower_case(self) -> dict[str, str]:
        return {name.lower(): name for name in self.names}

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            BadMesh: if it is missing or damaged.
        """
        try:
            with self.open(name) as file:
                return file.read()
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            told = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            raise BadMesh(f"{name}: cannot be read: {told}") from error

    def _other_case(self, name: str) -> str | None:
        """The file whose name differs from `name` in case only, or None."""
        if self._archive is not None:
            return self._by_lower_case.get(name.lower())
        found = ""
        for part in name.split("/"):
            folder = self.path / found
            entries = {each.lower(): each for each in os.listdir(folder)} if folder.is_dir() else {}
            if part.lower() not in entries:
                return None
            found = posixpath.join(found, entries[part.lower()])
        return found

    def lines(self, name: str) -> list[str]:
        """The lines of a text file that are not empty.

        Raises:
            UserError: if it cannot be read.
        """
        try:
            text = self.read(name).decode(errors="replace")
        except BadMesh as error:
            raise UserError(f"{self.path}: {error}; fetch it again") from error
        return [line.strip() for line in text.splitlines() if line.strip()]

    def mesh(self, name: str) -> Mesh:
        """A mesh with its base colours, in the frame and units of the file.

        Raises:
            BadMesh: if it cannot be read, or holds no triangle.
        """
        folder, suffix = posixpath.dirname(name), posixpath.splitext(name)[1]
        return read_mesh(self.read(name), suffix, partial(self.beside, folder))

    def beside(self, folder: str, name: str) -> bytes:
        """The bytes of a file that a mesh refers to.

        Looked for by its path from the mesh, then without some of its folders, each exactly, then without
        regard to case. Paths that lead out of the data set are not followed.

        Args:
            folder: that of the mesh.
            name: as it stands in the mesh; may be percent-encoded, absolute, or written for Windows.

        Raises:
            FileNotFoundError: if there is none.
        """
        wanted = name.strip().replace("\\", "/").removeprefix("file://").lstrip("/")
        places = [*zip(shortened(wanted), shortened(unquote(wanted)), strict=False)]
        for relative in dict.fromkeys(chain(*places)):
            path = posixpath.normpath(posixpath.join(folder, relative))
            for found in (path, self._other_case(path)):
                if found is not None and not found.startswith("../"):
                    with suppress(BadMesh):
                        return self.read(found)
        raise FileNotFoundError(f"{name} is not in {self.path}")


def shortened(path: str) -> list[str]:
    """A path, then without its first folders, then without its last ones: what was written elsewhere may hold
    folders that are not here, before or behind one that is."""
    *folders, last = path.split("/")
    count = len(folders)
    kept = [*(folders[n:] for n in range(count + 1)), *(folders[:n] for n in range(count - 1, 0, -1))]
    return ["/".join([*each, last]) for each in kept]
