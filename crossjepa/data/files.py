"""Trees of files, in a folder or inside a zip archive, and data sets with a file for each object."""

import hashlib
import io
import posixpath
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.resolvers import ZipResolver

from crossjepa.data.dataset import BadMesh, Dataset, ObjectRecord
from crossjepa.data.mesh import read_cloud, read_scene
from crossjepa.data.normalise import UPRIGHT
from crossjepa.errors import UserError


class Files(ABC):
    """The files below `path`; their names are relative to it, with forward slashes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a file to read from; seeking is fast."""

    @abstractmethod
    def _list(self) -> list[str]:
        """Names of all files."""

    @cached_property
    def names(self) -> list[str]:
        """Names of all files, sorted, without hidden ones and those that macOS adds to archives."""
        return sorted(name for name in self._list() if not _is_hidden(name))

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
            raise BadMesh(f"cannot be read: {told}") from error

    def lines(self, name: str) -> list[str]:
        """The lines of a text file that are not empty.

        Raises:
            UserError: if it cannot be read.
        """
        try:
            text = self.read(name).decode()
        except (BadMesh, UnicodeDecodeError) as error:
            raise UserError(f"{self.path}: {name}: {error}; fetch it again") from error
        return [line.strip() for line in text.splitlines() if line.strip()]

    def scene(self, name: str) -> trimesh.Scene:
        """A mesh with its materials, in the frame and units of the file.

        Raises:
            BadMesh: if it or one of its textures cannot be read, or it holds no geometry.
        """
        folder, suffix = posixpath.dirname(name), posixpath.splitext(name)[1]
        return read_scene(self.read(name), suffix, _Neighbours(self, folder))


class FolderFiles(Files):
    """The files below a folder."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read from."""
        return (self.path / name).open("rb")

    def _list(self) -> list[str]:
        return [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]


class ZipFiles(Files):
    """The files inside a zip archive; upper and lower case are the same where that leaves no doubt."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self.archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: not a readable archive ({error}); fetch it again") from error
        for name in self.archive.namelist():
            if name.startswith("/") or ".." in name.split("/"):
                raise UserError(f"{path}: holds '{name}', which leads out of the archive; fetch it again")

    def open(self, name: str) -> IO[bytes]:
        """Unpack a file into memory."""
        exact = name in self.archive.NameToInfo
        return io.BytesIO(self.archive.read(name if exact else self._by_lower_case.get(name.lower(), name)))

    @cached_property
    def _by_lower_case(self) -> dict[str, str]:
        return {name.lower(): name for name in self.archive.namelist()}

    def _list(self) -> list[str]:
        return [name for name in self.archive.namelist() if not name.endswith("/")]


def open_files(path: Path) -> Files:
    """Open a folder or a zip archive, which is read without unpacking it to disk.

    Raises:
        UserError: if it is missing, no complete zip archive, or an archive with names that lead out of it.
    """
    if path.is_dir():
        return FolderFiles(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; set the data set's `path` to where it lies")
    return ZipFiles(path)


@dataclass(frozen=True, eq=False)
class ObjectFile:
    """The file of an object.

    Attributes:
        files: the tree that it lies in.
        name: its name there.
        turn: (3, 3) matrix from the file's frame and units to +Y up.
    """

    files: Files
    name: str
    turn: NDArray[np.float64] = field(default_factory=lambda: UPRIGHT["y"])


class FileDataset(Dataset):
    """A data set with a file for each object.

    Args:
        records: the objects.
        places: the file of each id.
        has_clouds: whether the files hold point clouds and not meshes.
    """

    def __init__(
        self, records: Sequence[ObjectRecord], places: Mapping[str, ObjectFile], has_clouds: bool = False
    ) -> None:
        self.records = records
        self.places = places
        self.has_clouds = has_clouds

    def objects(self) -> list[ObjectRecord]:
        """All objects."""
        return list(self.records)

    def find(self, object_id: str) -> ObjectFile:
        """An object's file.

        Raises:
            BadMesh: if it is missing.
        """
        return self.places[object_id]

    def load(self, object_id: str) -> trimesh.Scene:
        """An object's mesh with its materials, +Y up."""
        if self.has_clouds:
            return super().load(object_id)
        file, matrix = self.find(object_id), np.eye(4)
        matrix[:3, :3] = file.turn
        return file.files.scene(file.name).apply_transform(matrix)

    def cloud(self, object_id: str) -> NDArray[np.float32] | None:
        """An object's (N, 3) float32 points, +Y up, or None if the files are meshes."""
        if not self.has_clouds:
            return None
        file = self.find(object_id)
        points = read_cloud(file.files.read(file.name), posixpath.splitext(file.name)[1])
        return (points @ file.turn.T).astype(np.float32)

    def digest(self, object_id: str) -> str:
        """SHA-256 of an object's file."""
        file = self.find(object_id)
        return hashlib.sha256(file.files.read(file.name)).hexdigest()


class _Neighbours(ZipResolver):  # type: ignore[misc]
    """Finds the files that a mesh refers to: anywhere in the tree, or else by their name beside the mesh."""

    def __init__(self, files: Files, folder: str) -> None:
        super().__init__({})
        self.files = files
        self.folder = folder

    def get(self, name: str) -> bytes:
        """The bytes of a material, texture or buffer."""
        wanted = name.strip().replace("\\", "/")
        for relative in (wanted.lstrip("/"), posixpath.basename(wanted)):
            path = posixpath.normpath(posixpath.join(self.folder, relative))
            if not path.startswith("../"):
                with suppress(BadMesh):
                    return self.files.read(path)
        raise FileNotFoundError(f"{name} is not in {self.files.path}")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
