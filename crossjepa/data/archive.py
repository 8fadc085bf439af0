"""Meshes inside zip archives, with the materials and textures that lie beside them."""

import io
import posixpath
import zipfile
from pathlib import Path

import trimesh
from trimesh.resolvers import Resolver

from crossjepa.data.dataset import BadMesh
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


def load_from_archive(archive: zipfile.ZipFile, name: str) -> trimesh.Scene:
    """Load a mesh with its materials, in the frame and units of the file.

    Raises:
        BadMesh: if it cannot be read.
    """
    try:
        data = archive.read(name)
        kind = posixpath.splitext(name)[1].lstrip(".").lower()
        folder = ZipFolder(archive, posixpath.dirname(name))
        return trimesh.load_scene(io.BytesIO(data), file_type=kind, resolver=folder, process=False)
    except Exception as error:  # any reader's complaint is a reason to set this mesh aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
