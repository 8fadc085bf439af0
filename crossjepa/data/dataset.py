"""What the pipeline asks of a data set.

An adapter is one module of this package, named after its `kind`, with a function
`open_source(source, archives) -> Dataset`, and a settings model in `crossjepa.config`.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import trimesh

from crossjepa.config import Source


class BadMesh(Exception):
    """A mesh that cannot be used; the message says why. It is set aside, and the run goes on."""


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
    """

    id: str
    source: str
    name: str
    label: str
    group: str
    licence: str
    creator: str


class Dataset(Protocol):
    """A collection of meshes."""

    def objects(self) -> list[ObjectRecord]:
        """All objects, in an order that never changes."""

    def load(self, object_id: str) -> trimesh.Scene:
        """An object's mesh with its materials: right-handed, +Y up, in the source's units.

        Raises:
            BadMesh: if it cannot be read.
        """

    def digest(self, object_id: str) -> str:
        """SHA-256 of the bytes that the mesh is read from.

        Raises:
            BadMesh: if they cannot be read.
        """


def open_dataset(source: Source, archives: Path | None) -> Dataset:
    """Open the data set of a configured source.

    Args:
        source: its entry under `data`.
        archives: the folder with its archives, for those that have any.
    """
    adapter = import_module(f"crossjepa.data.{source.kind}")
    return cast(Dataset, adapter.open_source(source, archives))
