"""The interface of a data set.

A kind of data set is one module `crossjepa.data.sources.<kind>` with a function
`open_source(source) -> Dataset`, and a settings model in `crossjepa.data.settings`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import numpy as np

from crossjepa.data.clouds import Cloud
from crossjepa.data.guard import reason
from crossjepa.data.settings import Source
from crossjepa.errors import BadMesh, UserError
from crossjepa.mesh.mesh import Mesh
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays
from crossjepa.store.sharded import ArraySpec


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


def open_dataset(source: Source) -> Dataset:
    """Open a configured data set.

    Args:
        source: its entry under `data`; `path` says where its files lie.

    Raises:
        UserError: if its files are missing, or are not of this kind of data set.
    """
    adapter = import_module(f"crossjepa.data.sources.{source.kind}")
    return cast(Dataset, adapter.open_source(source))


def gather(
    make: Callable[[str], Mapping[str, Any]], ids: Sequence[str], specs: Mapping[str, ArraySpec], task: str
) -> tuple[Arrays, dict[str, str]]:
    """Make arrays with a row for each object. An object that fails is set aside, and its rows stay zero.

    Args:
        make: makes an object's row of each array from its id.
        ids: the n objects.
        specs: shape and dtype of a row of each array.
        task: title of the progress bar.

    Returns:
        The (n, ...) arrays by name, and the reason for each object that is set aside.

    Raises:
        UserError: if `make` raises it, because all objects would fail for the same reason.
    """
    arrays: Arrays = {name: np.zeros((len(ids), *spec.shape), spec.dtype) for name, spec in specs.items()}
    set_aside = {}
    for row, object_id in enumerate(track(ids, len(ids), task, "object")):
        try:
            values = make(object_id)
        except UserError:
            raise
        except Exception as error:  # a broken object must not stop the others
            set_aside[object_id] = reason(error)
            continue
        for name, value in values.items():
            arrays[name][row] = value
    return arrays, set_aside
