"""Your own meshes: a tree of files, classes from its folders."""

import hashlib
from pathlib import Path

import numpy as np
import trimesh
from trimesh.resolvers import FilePathResolver

from crossjepa.config import FolderSource
from crossjepa.data.dataset import BadMesh, ObjectRecord
from crossjepa.data.listing import check_folder, mesh_files
from crossjepa.data.mesh import read_scene

# Each moves the named axis to +Y and keeps the frame right-handed.
UPRIGHT = {
    "x": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}


class Folder:
    """The meshes below a folder; ids are their paths in it."""

    def __init__(self, folder: Path, up: str) -> None:
        self.folder = folder
        self.upright = np.eye(4)
        self.upright[:3, :3] = UPRIGHT[up]

    def objects(self) -> list[ObjectRecord]:
        """All meshes, by path."""
        return [self._record(path.relative_to(self.folder)) for path in mesh_files(self.folder)]

    def load(self, object_id: str) -> trimesh.Scene:
        """A mesh, turned so that +Y is up."""
        path = self.folder / object_id
        return read_scene(self._read(path), path.suffix, FilePathResolver(path)).apply_transform(self.upright)

    def digest(self, object_id: str) -> str:
        """SHA-256 of the mesh's file."""
        return hashlib.sha256(self._read(self.folder / object_id)).hexdigest()

    def _record(self, path: Path) -> ObjectRecord:
        return ObjectRecord(
            id=path.as_posix(),
            source=self.folder.name,
            name=path.stem,
            label=path.parts[0] if len(path.parts) > 1 else "",
            group=path.as_posix(),
            licence="not stated",
            creator="not stated",
        )

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise BadMesh(f"cannot be read: {error.strerror}") from error


def open_source(source: FolderSource, archives: Path | None) -> Folder:
    """Open a folder of meshes.

    Raises:
        UserError: if it is missing or holds none.
    """
    folder = archives or Path(source.path)
    check_folder(folder)
    return Folder(folder, source.up)
