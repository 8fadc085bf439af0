"""The user's own meshes or point clouds: a tree of files, with classes from its folders or from a CSV."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.files import FileDataset, Files, FolderFiles
from crossjepa.data.labels import read_labels
from crossjepa.data.listing import FolderListing
from crossjepa.data.normalise import UPRIGHT
from crossjepa.data.settings import FolderSource

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}


class Folder(FileDataset):
    """The meshes below a folder, or its point clouds if it holds no mesh, in metres.

    Ids are paths in the folder, or those that the CSV gives.
    """

    def __init__(self, source: FolderSource) -> None:
        listing = FolderListing.read(Path(source.path))
        self.files = FolderFiles(listing.folder)
        self.has_clouds = not listing.has_meshes
        self._turn = UPRIGHT[source.up] * METRES[source.units]
        self._objects = [self._record(path.relative_to(listing.folder)) for path in listing.files]
        self._paths = {record.id: record.id for record in self._objects}
        if source.labels:
            self._objects, self._paths = read_labels(Path(source.labels), self._objects)

    def objects(self) -> list[ObjectRecord]:
        """All objects: those of the CSV in its order, then all other files by path."""
        return self._objects

    def find(self, object_id: str) -> tuple[Files, str]:
        """The folder, and an object's path in it."""
        return self.files, self._paths[object_id]

    def turn(self, object_id: str) -> NDArray[np.float64]:  # noqa: ARG002
        """(3, 3) matrix from the files' axes and units to metres with +Y up."""
        return self._turn

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


def open_source(source: FolderSource) -> Folder:
    """Open a folder of meshes or point clouds.

    Raises:
        UserError: if it is missing or holds neither, or its CSV is wrong.
    """
    return Folder(source)
