"""ModelNet40 and ModelNet10 (Wu et al. 2015, arXiv:1406.5670), in the three releases that are in use.

Their splits differ in size and their points in kind, so results on different releases cannot be compared.
"""

import posixpath
import re
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.files import FileDataset, Files, open_files
from crossjepa.data.hdf5 import Hdf5Clouds
from crossjepa.data.normalise import UPRIGHT
from crossjepa.data.releases import Release
from crossjepa.data.settings import ModelNetSource
from crossjepa.errors import UserError

# Objects of the splits. Three of the meshes are not in the HDF5 files.
SIZES = {
    ("meshes", 40): {"train": 9843, "test": 2468},
    ("resampled", 40): {"train": 9843, "test": 2468},
    ("hdf5", 40): {"train": 9840, "test": 2468},
    ("meshes", 10): {"train": 3991, "test": 908},
    ("resampled", 10): {"train": 3991, "test": 908},
}
MESH = re.compile(r"(?P<root>(?:.*/)?)(?P<id>(?P<label>[^/]+)/(?P<split>train|test)/(?P<name>[^/]+)\.off)")
modelnet_record = partial(
    ObjectRecord, source="ModelNet", licence="see modelnet.cs.princeton.edu", creator="various"
)


class Meshes(FileDataset):
    """Release `meshes`: `ModelNet40/<class>/{train,test}/*.off`, Z-up; ids begin at the class."""

    def __init__(self, release: Release, categories: int) -> None:
        self.release = release
        self.wanted = f"ModelNet{categories}"

    def objects(self) -> list[ObjectRecord]:
        """All meshes, by name.

        Raises:
            UserError: if there are none, or not all.
        """
        return self._found[1]

    def find(self, object_id: str) -> tuple[Files, str]:
        """The release, and a mesh's path in it."""
        return self.release.files, self._found[0] + object_id

    def turn(self, object_id: str) -> NDArray[np.float64]:  # noqa: ARG002
        """(3, 3) rotation from Z-up."""
        return UPRIGHT["z"]

    @cached_property
    def _found(self) -> tuple[str, list[ObjectRecord]]:
        """Where the classes' folders lie, and the meshes in them."""
        found = [match for name in self.release.files.names if (match := MESH.fullmatch(name))]
        root = self._choose({match["root"] for match in found})
        records = [
            modelnet_record(group=match["id"], **{k: match[k] for k in ("id", "name", "label", "split")})
            for match in found
            if match["root"] == root
        ]
        self.release.check(records)
        return root, records

    def _choose(self, roots: set[str]) -> str:
        """The folder named after the data set, or else the only one that is not named after the other."""
        path = self.release.files.path
        titles = {root: posixpath.basename(root.rstrip("/")) or path.stem for root in roots}
        named = [root for root in roots if titles[root] == self.wanted]
        chosen = named or [root for root in roots if titles[root] not in ("ModelNet10", "ModelNet40")]
        if len(chosen) != 1:
            raise UserError(
                f"{path}: holds {'several' if chosen else 'no'} {self.wanted}/<class>/train/*.off of release "
                f"`meshes`; set `path` to the {self.wanted} folder or zip, or `release` to what it is"
            )
        return chosen[0]


class Resampled(FileDataset):
    """Release `resampled`: 10,000 points with normals of each surface, +Y up, as text.

    Ids are `<class>/<class>_<number>`.
    """

    has_clouds = True

    def __init__(self, release: Release, categories: int) -> None:
        self.release = release
        lists = [f"modelnet{categories}_{part}.txt" for part in ("train", "test", "shape_names")]
        self._root = release.root(lists)
        self._train, self._test, self._classes = (self._root + name for name in lists)

    def objects(self) -> list[ObjectRecord]:
        """The objects on the split lists, in their order: first train, then test.

        Raises:
            UserError: if a list is missing or names an unknown class, or not all objects are there.
        """
        return self._objects

    def find(self, object_id: str) -> tuple[Files, str]:
        """The release, and the path of an object's text file in it."""
        return self.release.files, f"{self._root}{object_id}.txt"

    @cached_property
    def _objects(self) -> list[ObjectRecord]:
        files = self.release.files
        classes = set(files.lines(self._classes))
        records = []
        for split, listed in (("train", self._train), ("test", self._test)):
            for name in files.lines(listed):
                label = name.rpartition("_")[0]
                if label not in classes:
                    raise UserError(
                        f"{files.path}: {listed}: '{name}' is of no class in {self._classes}; fetch it again"
                    )
                own = f"{label}/{name}"
                records.append(modelnet_record(id=own, group=own, name=name, label=label, split=split))
        there = set(files.names)
        self.release.check([record for record in records if self.find(record.id)[1] in there])
        return records


def _open_hdf5(release: Release) -> Hdf5Clouds:
    """Release `hdf5` (PointNet, arXiv:1612.00593): 2,048 points of each surface, +Y up."""
    root = release.root(["train_files.txt", "test_files.txt", "shape_names.txt"])
    files = release.files
    splits = {
        split: [root + posixpath.basename(line) for line in files.lines(f"{root}{split}_files.txt")]
        for split in ("train", "test")
    }
    return Hdf5Clouds(release, splits, files.lines(f"{root}shape_names.txt"), modelnet_record)


def open_source(source: ModelNetSource) -> Dataset:
    """Open a release of ModelNet.

    Raises:
        UserError: if it is missing, incomplete or not of this layout.
    """
    name = f"ModelNet{source.categories}"
    if source.path is None:
        raise UserError(
            f"data: {name} is not here; let it be downloaded, or get the zip of release "
            f"`{source.release}` (README.md says where) and set the data set's `path` to it"
        )
    sizes = SIZES[source.release, source.categories] if source.complete else None
    release = Release(open_files(Path(source.path)), f"release `{source.release}` of {name}", sizes)
    if source.release == "hdf5":
        return _open_hdf5(release)
    return (Meshes if source.release == "meshes" else Resampled)(release, source.categories)
