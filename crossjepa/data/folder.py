"""Your own meshes or point clouds: a tree of files, classes from its folders or from a CSV."""

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import trimesh

from crossjepa.data.cloud import read_cloud
from crossjepa.data.dataset import Cloud, Dataset, ObjectRecord
from crossjepa.data.files import FolderFiles
from crossjepa.data.labels import read_labels
from crossjepa.data.listing import holds_meshes, object_files
from crossjepa.data.settings import FolderSource
from crossjepa.data.upright import UPRIGHT

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}


class Folder(Dataset):
    """The meshes below a folder, or its point clouds where it holds no mesh.

    Ids are paths in it, or what the CSV says.
    """

    def __init__(self, folder: Path, labels: Path | None, up: str, units: str) -> None:
        self.files = FolderFiles(folder)
        self.turn = UPRIGHT[up] * METRES[units]
        self.meshes = holds_meshes(folder)
        found = [self._record(path.relative_to(folder)) for path in object_files(folder)]
        self._paths = {record.id: record.id for record in found}
        if labels:
            found, self._paths = read_labels(labels, found)
        self._objects = found

    def objects(self) -> list[ObjectRecord]:
        """All objects, by path; first those of the CSV, where there is one."""
        return self._objects

    def load(self, object_id: str) -> trimesh.Scene:
        """A mesh in metres, turned so that +Y is up."""
        if not self.meshes:
            return super().load(object_id)
        matrix = np.eye(4)
        matrix[:3, :3] = self.turn
        return self.files.scene(self._paths[object_id]).apply_transform(matrix)

    def cloud(self, object_id: str) -> Cloud | None:
        """A point cloud in metres, turned so that +Y is up; none where the folder holds meshes."""
        if self.meshes:
            return None
        name = self._paths[object_id]
        read = read_cloud(self.files.read(name), PurePosixPath(name).suffix)
        return replace(read, xyz=(read.xyz @ self.turn.T).astype(np.float32))

    def digest(self, object_id: str) -> str:
        """SHA-256 of the object's file."""
        return hashlib.sha256(self.files.read(self._paths[object_id])).hexdigest()

    def _record(self, path: Path) -> ObjectRecord:
        return ObjectRecord(
            id=path.as_posix(),
            source=self.files.path.name,
            name=path.stem,
            label=path.parts[0] if len(path.parts) > 1 else "",
            group=path.as_posix(),
            licence="not stated",
            creator="not stated",
        )


def open_source(source: FolderSource, archives: Path | None) -> Folder:
    """Open a folder of meshes or point clouds.

    Raises:
        UserError: if it is missing or holds neither, or its CSV is wrong.
    """
    labels = Path(source.labels) if source.labels else None
    return Folder(archives or Path(source.path), labels, source.up, source.units)
