"""ModelNet40 and ModelNet10 (Wu et al. 2015, arXiv:1406.5670), in the three releases that circulate.

Their splits differ in size and their points in kind: a result on one release says nothing of another.
"""

import hashlib
import io
import posixpath
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.data.dataset import BadMesh, Cloud, Dataset, ObjectRecord
from crossjepa.data.files import Files, open_files
from crossjepa.data.hdf5 import Hdf5Clouds
from crossjepa.data.releases import Published, check_whole, find_root, read_lines, visible
from crossjepa.data.settings import ModelNetSource
from crossjepa.data.upright import UPRIGHT
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
LIKE = ObjectRecord(
    id="",
    source="ModelNet",
    name="",
    label="",
    group="",
    licence="see modelnet.cs.princeton.edu",
    creator="various",
)


class Meshes(Dataset):
    """Release `meshes`: `ModelNet40/<class>/{train,test}/*.off`, Z-up; ids begin at the class."""

    def __init__(self, files: Files, categories: int, published: Published | None) -> None:
        self.files = files
        self.categories = categories
        self.published = published

    def objects(self) -> list[ObjectRecord]:
        """All meshes, by name.

        Raises:
            UserError: if there are none, or not all.
        """
        return self._found[1]

    def load(self, object_id: str) -> trimesh.Scene:
        """A mesh, turned so that +Y is up."""
        matrix = np.eye(4)
        matrix[:3, :3] = UPRIGHT["z"]
        return self.files.scene(self._found[0] + object_id).apply_transform(matrix)

    def digest(self, object_id: str) -> str:
        """SHA-256 of the OFF file."""
        return hashlib.sha256(self.files.read(self._found[0] + object_id)).hexdigest()

    @cached_property
    def _found(self) -> tuple[str, list[ObjectRecord]]:
        """Where the classes' folders lie, and the meshes in them."""
        found = [match for name in visible(self.files) if (match := MESH.fullmatch(name))]
        root = self._choose({match["root"] for match in found})
        records = [
            replace(LIKE, group=match["id"], **{k: match[k] for k in ("id", "name", "label", "split")})
            for match in found
            if match["root"] == root
        ]
        if self.published:
            check_whole(self.files.path, records, self.published)
        return root, records

    def _choose(self, roots: set[str]) -> str:
        """The folder called after the data set, or else the only one that is not called after another."""
        wanted = f"ModelNet{self.categories}"
        titles = {root: posixpath.basename(root.rstrip("/")) or self.files.path.stem for root in roots}
        named = [root for root in roots if titles[root] == wanted]
        chosen = named or [root for root in roots if titles[root] not in ("ModelNet10", "ModelNet40")]
        if len(chosen) != 1:
            raise UserError(
                f"{self.files.path}: holds {'several' if chosen else 'no'} {wanted}/<class>/train/*.off of "
                f"release `meshes`; set `path` to the {wanted} folder or zip, or `release` to what it is"
            )
        return chosen[0]


class Resampled(Dataset):
    """Release `resampled`: 10,000 points with normals of each surface, +Y up, as text.

    Ids are `<class>/<class>_<number>`.
    """

    def __init__(self, files: Files, categories: int, published: Published | None) -> None:
        self.files = files
        self.name = f"modelnet{categories}"
        self.published = published

    def objects(self) -> list[ObjectRecord]:
        """The objects on the split lists, in their order; first those to train on.

        Raises:
            UserError: if a list is missing or names an unknown class, or not all objects are there.
        """
        return self._objects

    def cloud(self, object_id: str) -> Cloud:
        """An object's points and normals, in the file's order."""
        text = self.files.read(self._file(object_id))
        try:
            values: NDArray[np.float32] = np.loadtxt(io.BytesIO(text), np.float32, delimiter=",", ndmin=2)
        except ValueError as error:
            raise BadMesh(f"cannot be read: {error}") from error
        if values.shape[1:] != (6,):
            raise BadMesh(f"{values.shape[1]} columns, where x, y, z and the normal are needed")
        return Cloud(np.ascontiguousarray(values[:, :3]), np.ascontiguousarray(values[:, 3:]))

    def digest(self, object_id: str) -> str:
        """SHA-256 of the text file."""
        return hashlib.sha256(self.files.read(self._file(object_id))).hexdigest()

    def _file(self, object_id: str) -> str:
        return f"{self._root}{object_id}.txt"

    @cached_property
    def _root(self) -> str:
        lists = [f"{self.name}_{part}.txt" for part in ("train", "test", "shape_names")]
        return find_root(self.files, lists, "release `resampled` (modelnet40_normal_resampled)")

    @cached_property
    def _objects(self) -> list[ObjectRecord]:
        classes = set(read_lines(self.files, f"{self._root}{self.name}_shape_names.txt"))
        records = []
        for split in ("train", "test"):
            listed = f"{self._root}{self.name}_{split}.txt"
            for name in read_lines(self.files, listed):
                label = name.rpartition("_")[0]
                if label not in classes:
                    raise UserError(
                        f"{self.files.path}: {listed}: '{name}' is of no class in "
                        f"{self.name}_shape_names.txt; fetch it again"
                    )
                own = f"{label}/{name}"
                records.append(replace(LIKE, id=own, group=own, name=name, label=label, split=split))
        if self.published:
            there = set(self.files.names)
            check_whole(self.files.path, [r for r in records if self._file(r.id) in there], self.published)
        return records


def _open_hdf5(files: Files, published: Published | None) -> Hdf5Clouds:
    """Release `hdf5` (PointNet, arXiv:1612.00593): 2,048 points of each surface, +Y up."""
    needed = ["train_files.txt", "test_files.txt", "shape_names.txt"]
    root = find_root(files, needed, "release `hdf5` (modelnet40_ply_hdf5_2048)")
    splits = {
        split: [root + PurePosixPath(line).name for line in read_lines(files, f"{root}{split}_files.txt")]
        for split in ("train", "test")
    }
    return Hdf5Clouds(files, splits, read_lines(files, f"{root}shape_names.txt"), LIKE, published)


def open_source(source: ModelNetSource, archives: Path | None) -> Dataset:
    """Open a release of ModelNet.

    Args:
        source: its settings.
        archives: the zip that was downloaded; its own path otherwise.

    Raises:
        UserError: if it is nowhere, or no such release exists.
    """
    if source.release == "hdf5" and source.categories == 10:
        raise UserError("data: ModelNet10 has no release `hdf5`; set `release` to `meshes` or `resampled`")
    if archives is None and source.path is None:
        raise UserError(
            f"data: ModelNet{source.categories} is not here; let it be downloaded, or get the zip of release "
            f"`{source.release}` (README.md says where) and set the data set's `path` to it"
        )
    published = Published(
        f"release `{source.release}` of ModelNet{source.categories}",
        SIZES[source.release, source.categories],
        "download it again, set `release` to what it is",
    )
    files = open_files(archives or Path(str(source.path)))
    wanted = published if source.complete else None
    if source.release == "meshes":
        return Meshes(files, source.categories, wanted)
    if source.release == "resampled":
        return Resampled(files, source.categories, wanted)
    return _open_hdf5(files, wanted)
