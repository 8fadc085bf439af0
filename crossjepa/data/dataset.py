"""The interface of a data set."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from crossjepa.data.clouds import Cloud
from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh


@dataclass(frozen=True)
class ObjectRecord:
    """An object's metadata, which are known without reading its mesh.

    Attributes:
        id: unique within the data set.
        source: the library that the object comes from; `procedural` for meshes made by code.
        name: a readable name.
        label: the class; empty when unlabelled.
        group: near-duplicates share a group, and a group is never divided between train and test.
        licence: short name of the licence.
        creator: whom to credit.
        split: train, test or pretrain if the data set defines a split; otherwise empty.
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
class ViewFile:
    """A rendered view that a data set ships.

    Attributes:
        image: the bytes of an RGBA image, transparent where the object is not.
        azimuth, elevation, roll: of the camera, in radians, as in `crossjepa.render.cameras`.
        distance: of the camera, in radii of the object's bounding sphere.
    """

    image: bytes
    azimuth: float
    elevation: float
    roll: float
    distance: float


class Dataset(ABC):
    """A collection of objects: meshes, or point clouds.

    Attributes:
        passed_over: how many files are no objects of it and why, a line for each kind of file.
    """

    passed_over: Sequence[str] = ()

    @abstractmethod
    def objects(self) -> list[ObjectRecord]:
        """All objects, always in the same order.

        Raises:
            UserError: if the data set is incomplete or its files are not laid out as they should be.
        """

    @abstractmethod
    def digest(self, object_id: str) -> str:
        """SHA-256 of the data that the object is read from; equal for copies of one object.

        Raises:
            BadMesh: if the data cannot be read.
        """

    def load(self, object_id: str) -> Mesh:  # noqa: ARG002
        """An object's mesh with its base colours: right-handed, +Y up.

        Raises:
            BadMesh: if the mesh cannot be read, or the data set has no meshes.
        """
        raise BadMesh("a point cloud, without a surface")

    def cloud(self, object_id: str) -> Cloud | None:  # noqa: ARG002
        """The point cloud that the data set ships for an object, or None if its mesh is to be sampled.

        Returns:
            (N, 3) float32 points in the file's order: right-handed, +Y up. They are those of the file, unless
            float32 cannot tell them apart (see `to_single`).

        Raises:
            BadMesh: if the points cannot be read.
        """
        return None

    def views(self, object_id: str) -> list[ViewFile] | None:  # noqa: ARG002
        """The views that the data set ships for an object, or None if its mesh is to be rendered.

        Raises:
            BadMesh: if the views cannot be read.
        """
        return None
