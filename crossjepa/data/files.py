"""Trees of files, in a folder or inside a zip archive, with what lies beside each."""

import posixpath
import zipfile
import zlib
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

import trimesh
from trimesh.resolvers import FilePathResolver, Resolver

from crossjepa.data.dataset import BadMesh
from crossjepa.data.mesh import read_scene
from crossjepa.errors import UserError


class Files(ABC):
    """A tree of files below `path`; names are relative, with forward slashes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    @abstractmethod
    def names(self) -> list[str]:
        """Names of all files, sorted."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            BadMesh: if it is missing or damaged.
        """

    @abstractmethod
    def beside(self, name: str) -> Resolver:
        """Finds the files that the file called `name` refers to."""

    def scene(self, name: str) -> trimesh.Scene:
        """A mesh with its materials, in the frame and units of the file.

        Raises:
            BadMesh: if it or one of its textures cannot be read, or it holds no geometry.
        """
        return read_scene(self.read(name), posixpath.splitext(name)[1], self.beside(name))


def open_files(path: Path) -> Files:
    """Open a folder, or a zip archive, to read from in place: nothing is unpacked.

    Raises:
        UserError: if it is missing, not a whole zip archive, or one whose names lead out of it.
    """
    if path.is_dir():
        return FolderFiles(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; set the data set's `path` to where it lies")
    return ZipFiles(path)


class FolderFiles(Files):
    """The files below a folder."""

    @cached_property
    def names(self) -> list[str]:
        """Names of all files, sorted."""
        return sorted(p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file())

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise BadMesh(f"cannot be read: {error.strerror}") from error

    def beside(self, name: str) -> Resolver:
        """Finds files from the folder that `name` lies in, anywhere below the top."""
        return _Beside(self.path / name, self.path)


class _Beside(FilePathResolver):  # type: ignore[misc]
    """Textures often lie in `../textures`, where the reader's own resolver refuses to go."""

    def __init__(self, mesh: Path, top: Path) -> None:
        super().__init__(mesh)
        self.top = top.resolve()

    def absolute(self, name: str) -> Path:
        """A file's path; a `ValueError` if it lies outside the tree."""
        path = Path(self.parent, name.strip().replace("\\", "/")).resolve()
        if not path.is_relative_to(self.top):
            raise ValueError(f"'{name}' lies outside {self.top}")
        return path


class ZipFiles(Files):
    """The files inside a zip archive."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self.archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path}: not a readable archive ({error}); delete it and fetch it again"
            ) from error
        for name in self.archive.namelist():
            if name.startswith("/") or ".." in name.split("/"):
                raise UserError(f"{path}: holds '{name}', which leads out of the archive; fetch it anew")

    @cached_property
    def names(self) -> list[str]:
        """Names of all files, sorted."""
        return sorted(name for name in self.archive.namelist() if not name.endswith("/"))

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        try:
            return self.archive.read(name)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error

    def beside(self, name: str) -> Resolver:
        """Finds files from the archive's folder that `name` lies in."""
        return _ZipFolder(self.archive, posixpath.dirname(name), self._by_lower_case)

    @cached_property
    def _by_lower_case(self) -> dict[str, str]:
        return {name.lower(): name for name in self.archive.namelist()}


class _ZipFolder(Resolver):  # type: ignore[misc]
    """The files of one folder of an archive, found whatever the case of their names."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, names: dict[str, str]) -> None:
        self.archive = archive
        self.folder = folder
        self.names = names

    def get(self, name: str) -> bytes:
        """The bytes of a file that a mesh or a material names."""
        path = posixpath.normpath(posixpath.join(self.folder, name.strip().replace("\\", "/")))
        if path.lower() not in self.names:
            raise FileNotFoundError(f"{path} is not in {self.archive.filename}")
        return self.archive.read(self.names[path.lower()])

    def keys(self) -> list[str]:
        """Names of all files in the archive."""
        return list(self.names.values())

    def write(self, name: str, data: bytes) -> None:
        """Archives are only read."""
        raise PermissionError(f"{self.archive.filename} is read-only: {name} ({len(data)} bytes)")

    def namespaced(self, namespace: str) -> "_ZipFolder":
        """The same archive, one folder further down."""
        return _ZipFolder(self.archive, posixpath.join(self.folder, namespace), self.names)
