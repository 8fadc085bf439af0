"""Data sets that are made by code: no download, no licence, any number of objects."""

import hashlib
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import trimesh

from crossjepa.data.dataset import Dataset, ObjectRecord

Random = np.random.Generator


class Procedural(Dataset):
    """Objects that follow from a seed and their own number alone; their ids are `<kind>-<number>`.

    Attributes:
        kinds: what there is to make; kinds take turns.
        labelled: whether an object's kind is its class.
    """

    kinds: ClassVar[Sequence[str]]
    labelled: ClassVar[bool]

    def __init__(self, objects: int, seed: int) -> None:
        self.seed = seed
        self.ids = [f"{self.kinds[number % len(self.kinds)]}-{number:06d}" for number in range(objects)]

    def make(self, kind: str, rng: Random) -> trimesh.Scene:
        """Make an object; its colours lie on its faces.

        Args:
            kind: one of `kinds`.
            rng: its only source of chance.
        """
        raise NotImplementedError

    def objects(self) -> list[ObjectRecord]:
        """All objects, in the order of their numbers."""
        return [
            ObjectRecord(
                id=object_id,
                source="procedural",
                name=f"procedural {_kind(object_id)}",
                label=_kind(object_id) if self.labelled else "",
                group=object_id,
                licence="none needed",
                creator="made by code",
            )
            for object_id in self.ids
        ]

    def load(self, object_id: str) -> trimesh.Scene:
        """Make an object by its id."""
        number = int(object_id.rpartition("-")[2])
        return self.make(_kind(object_id), np.random.default_rng([self.seed, number]))

    def digest(self, object_id: str) -> str:
        """SHA-256 of the object's vertices and faces."""
        mesh = self.load(object_id).to_mesh()
        return hashlib.sha256(mesh.vertices.tobytes() + mesh.faces.tobytes()).hexdigest()


def _kind(object_id: str) -> str:
    return object_id.rpartition("-")[0]
