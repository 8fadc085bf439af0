"""Meshes inside zip archives, with the materials and textures that lie beside them."""

import posixpath
import zipfile
import zlib
from pathlib import Path

import trimesh
from trimesh.resolvers import Resolver

from crossjepa.data.dataset import BadMesh
from crossjepa.data.mesh import read_scene
from crossjepa.errors import UserError


class ZipFolder(Resolver):  # type: ignore[misc]
    """The files of one folder of an archive, found whatever the case of their names."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self.archive = archive
        self.folder = folder
        self.names = {name.lower(): name for name in archive.namelist()}

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

    def namespaced(self, namespace: str) -> "ZipFolder":
        """The same archive, one folder further down."""
        return ZipFolder(self.archive, posixpath.join(self.folder, namespace))


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an archive to read from.

    Raises:
        UserError: if it is not a whole zip file.
    """
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable archive ({error}); delete it and fetch it again") from error


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a file in an archive.

    Raises:
        BadMesh: if the archive lacks it or its bytes are damaged.
    """
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error


def load_from_archive(archive: zipfile.ZipFile, name: str) -> trimesh.Scene:
    """Load a mesh with its materials, in the frame and units of the file.

    Raises:
        BadMesh: if it or one of its textures cannot be read, or it holds no geometry.
    """
    data = read_member(archive, name)
    return read_scene(data, posixpath.splitext(name)[1], ZipFolder(archive, posixpath.dirname(name)))
