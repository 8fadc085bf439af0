"""What the pipeline asks of a data set.

An adapter is one module of this package, named after its `kind`, with a function
`open_source(source, archives) -> Dataset`, and a settings model in `crossjepa.config`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.data.settings import Source


class BadMesh(Exception):
    """A mesh or cloud that cannot be used; the message says why. It is set aside, and the run goes on."""


def reason(error: Exception) -> str:
    """Why an object is set aside, in one line: whatever is wrong with one must not cost the others."""
    if isinstance(error, BadMesh):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@dataclass(frozen=True)
class ObjectRecord:
    """What is known of an object without reading its mesh.

    Attributes:
        id: unique within the data set.
        source: the library that it comes from; `procedural` for meshes made by code.
        name: for people.
        label: its class, empty when unlabelled.
        group: near-duplicates share it, and never straddle a split.
        licence: short name of the licence.
        creator: whom to name.
        split: train, test or pretrain where the data set comes with a split; empty where one is made.
    """

    id: str
    source: str
    name: str
    label: str
    group: str
    licence: str
    creator: str
    split: str = ""


@dataclass(frozen=True)
class Cloud:
    """An object's own points, for a data set that comes with them.

    Attributes:
        xyz: (N, 3) float32, in the file's order, right-handed, +Y up, in the source's units.
        normal: (N, 3) float32 unit normals, or none.
    """

    xyz: NDArray[np.float32]
    normal: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ViewFile:
    """One view that a data set comes with.

    Attributes:
        image: the bytes of an RGBA picture, transparent where the object is not.
        azimuth, elevation, roll: of the camera, in radians, as in `crossjepa.render.cameras`.
        distance: of the camera, in radii of the object's bounding sphere.
    """

    image: bytes
    azimuth: float
    elevation: float
    roll: float
    distance: float


class Dataset(ABC):
    """A collection of objects: meshes, or point clouds."""

    @abstractmethod
    def objects(self) -> list[ObjectRecord]:
        """All objects, in an order that never changes.

        Raises:
            UserError: if the data set is incomplete or does not have the layout it should.
        """

    @abstractmethod
    def digest(self, object_id: str) -> str:
        """SHA-256 of the bytes that the object is read from.

        Raises:
            BadMesh: if they cannot be read.
        """

    def load(self, object_id: str) -> trimesh.Scene:  # noqa: ARG002
        """An object's mesh with its materials: right-handed, +Y up, in the source's units.

        Raises:
            BadMesh: if it cannot be read, or the data set has no meshes.
        """
        raise BadMesh("a point cloud, without a surface")

    def cloud(self, object_id: str) -> Cloud | None:  # noqa: ARG002
        """An object's own points; none where its mesh is to be sampled.

        Raises:
            BadMesh: if they cannot be read.
        """
        return None

    def views(self, object_id: str) -> list[ViewFile] | None:  # noqa: ARG002
        """The views that the data set comes with; none where its mesh is to be rendered.

        Raises:
            BadMesh: if they cannot be read.
        """
        return None


def open_dataset(source: Source, archives: Path | None) -> Dataset:
    """Open the data set of a configured source.

    Args:
        source: its entry under `data`.
        archives: where its files were downloaded to, for those that are.
    """
    adapter = import_module(f"crossjepa.data.{source.kind}")
    return cast(Dataset, adapter.open_source(source, archives))
