"""Data sets with a file for each object."""

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from crossjepa.data.clouds import Cloud, read_cloud, to_single
from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.files import Files
from crossjepa.data.normalise import UPRIGHT
from crossjepa.mesh.mesh import Axis, Mesh


@dataclass(frozen=True, eq=False)
class ObjectFile:
    """The file of an object.

    Attributes:
        files: the folder or archive that it lies in.
        name: its path inside.
        up: the axis that points up in the file, or None for what a file says itself, and y where it does not.
        turn: (3, 3) matrix from the file's upright frame and units to the data set's.
    """

    files: Files
    name: str
    up: Axis | None = "y"
    turn: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))


class FileDataset(Dataset):
    """A data set with a file for each object.

    Args:
        records: the objects.
        places: the file of each id.
        has_clouds: whether the files hold point clouds and not meshes.
        passed_over: how many files are no objects and why.
    """

    def __init__(
        self,
        records: Sequence[ObjectRecord],
        places: Mapping[str, ObjectFile],
        has_clouds: bool = False,
        passed_over: Sequence[str] = (),
    ) -> None:
        self.records = records
        self.places = places
        self.has_clouds = has_clouds
        self.passed_over = passed_over

    def objects(self) -> list[ObjectRecord]:
        """All objects."""
        return list(self.records)

    def find(self, object_id: str) -> ObjectFile:
        """An object's file.

        Raises:
            BadMesh: if it is missing.
        """
        return self.places[object_id]

    def load(self, object_id: str) -> Mesh:
        """An object's mesh with its base colours, +Y up; its `up` is the axis of the file that was taken."""
        if self.has_clouds:
            return super().load(object_id)
        file, matrix = self.find(object_id), np.eye(4)
        mesh = file.files.mesh(file.name)
        up = file.up or mesh.up or "y"
        matrix[:3, :3] = file.turn @ UPRIGHT[up]
        return replace(mesh.transformed(matrix), up=up)

    def cloud(self, object_id: str) -> Cloud | None:
        """An object's (N, 3) float32 points, +Y up, or None if the files are meshes."""
        if not self.has_clouds:
            return None
        file = self.find(object_id)
        read = read_cloud(file.files.read(file.name), posixpath.splitext(file.name)[1])
        matrix = file.turn @ UPRIGHT[file.up or "y"]
        return Cloud(to_single(read.points @ matrix.T), read.dropped)

    def digest(self, object_id: str) -> str:
        """SHA-256 of an object's file."""
        file = self.find(object_id)
        return hashlib.sha256(file.files.read(file.name)).hexdigest()
