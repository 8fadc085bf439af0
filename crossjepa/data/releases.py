"""Releases of public data sets, located wherever they were unpacked, and point clouds in their HDF5 files."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import h5py
import numpy as np
from numpy.typing import NDArray

from crossjepa.data.clouds import Cloud, keep_finite
from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.files import Files
from crossjepa.errors import BadMesh, UserError


@dataclass(frozen=True)
class Release:
    """A release of a public data set.

    Attributes:
        files: the tree that it lies in.
        title: its name, for messages.
        sizes: objects in its splits train and test, or None to accept a part of it.
    """

    files: Files
    title: str
    sizes: Mapping[str, int] | None

    def root(self, needed: Sequence[str]) -> str:
        """The path of the release's top folder in the tree: empty, or ending with a slash.

        Args:
            needed: files of the release, relative to its top. If several folders hold some of them, the
                shallowest is the top.

        Raises:
            UserError: if any of them is missing.
        """
        pairs = ((name, wanted) for name in self.files.names for wanted in needed)
        tops = {name.removesuffix(end) for name, end in pairs if f"/{name}".endswith(f"/{end}")}
        if not tops:
            raise UserError(f"{self.files.path}: not {self.title}: it holds no {needed[0]}; set `path` to it")
        top = min(tops, key=lambda path: (path.count("/"), path))
        if missing := [wanted for wanted in needed if top + wanted not in self.files.names]:
            raise UserError(f"{self.files.path}: {top}{missing[0]} is missing from {self.title}")
        return top

    def check(self, records: Sequence[ObjectRecord]) -> None:
        """Compare the number of objects found with the published sizes of the splits.

        Raises:
            UserError: if a split has more or fewer objects.
        """
        found = Counter(record.split for record in records)
        if self.sizes and any(found[split] != size for split, size in self.sizes.items()):
            raise UserError(
                f"{self.files.path}: {_sizes(found)} objects, where {self.title} has {_sizes(self.sizes)}; "
                "it is truncated or another release: get it again, set `release` or `variant` to what it is, "
                "or set `complete: false` to accept a part"
            )


def _sizes(splits: Mapping[str, int]) -> str:
    return f"{splits['train']:,} train and {splits['test']:,} test"


@dataclass(eq=False)
class Hdf5Clouds(Dataset):
    """The rows of HDF5 files with `data` (N, P, 3) float and `label` (N,) or (N, 1) integer.

    Ids are `<split>/<file>/<row>`. Points keep the file's order and frame, which is +Y up in both releases.
    One file is open at a time: read row by row from a folder, held in memory from a zip.

    Attributes:
        release: where the HDF5 files lie.
        splits: names of each split's files.
        classes: names of the labels 0, 1, ...
        record: makes an object's record from its id, name, label, group and split.
    """

    release: Release
    splits: Mapping[str, Sequence[str]]
    classes: Sequence[str]
    record: Callable[..., ObjectRecord]
    _current: tuple[str, h5py.File | None] = ("", None)

    def objects(self) -> list[ObjectRecord]:
        """All rows, in the files' order.

        Raises:
            UserError: if a file is missing or damaged, lacks `data` or a usable `label`, or rows are missing.
        """
        records = []
        for prefix, file in self._names.items():
            split = prefix.partition("/")[0]
            for row, number in enumerate(self._labels(file)):
                key, label = f"{prefix}/{row}", self.classes[number]
                name = f"{label} {row}"
                records.append(self.record(id=key, name=name, label=label, group=key, split=split))
        self.release.check(records)
        return records

    def cloud(self, object_id: str) -> Cloud:
        """A row's (P, 3) float32 points."""
        return keep_finite(self._points(object_id))

    def digest(self, object_id: str) -> str:
        """SHA-256 of a row's points."""
        return hashlib.sha256(self._points(object_id).tobytes()).hexdigest()

    def _points(self, object_id: str) -> NDArray[np.float32]:
        prefix, _, row = object_id.rpartition("/")
        file = self._open(self._names[prefix])
        try:
            return np.asarray(file["data"][int(row)], np.float32)
        except OSError as error:
            raise BadMesh(f"cannot be read: {error}") from error

    @cached_property
    def _names(self) -> dict[str, str]:
        """Each file's name, by the prefix of its rows' ids."""
        files = [(split, name) for split, names in self.splits.items() for name in names]
        return {f"{split}/{PurePosixPath(name).stem}": name for split, name in files}

    def _labels(self, name: str) -> NDArray[np.int64]:
        labels = np.asarray(self._open(name)["label"]).reshape(-1)
        known = len(self.classes)
        if not np.isin(labels, np.arange(known)).all():
            where = f"{self.release.files.path}: {name}"
            raise UserError(f"{where}: has labels from {labels.min()} to {labels.max()}, but {known} classes")
        return labels.astype(np.int64)

    def _open(self, name: str) -> h5py.File:
        if name != self._current[0]:
            self._current = (name, _open_hdf5(self.release, name))
        return self._current[1]


def _open_hdf5(release: Release, name: str) -> h5py.File:
    where = f"{release.files.path}: {name}"
    if name not in release.files.names:
        raise UserError(f"{where}: is missing; fetch it again")
    try:
        file = h5py.File(release.files.open(name), "r")
    except Exception as error:  # h5py and zipfile raise many kinds for a damaged file
        raise UserError(f"{where}: not a readable HDF5 file ({error}); fetch it again") from error
    shapes = {key: file[key].shape for key in ("data", "label") if key in file}
    if missing := {"data", "label"} - set(shapes):
        raise UserError(f"{where}: holds no `{missing.pop()}`, only {sorted(file)}")
    data = shapes["data"]
    if len(data) != 3 or data[2] != 3 or file["label"].size != data[0]:
        raise UserError(f"{where}: {shapes}, where (N, P, 3) and (N,) are needed")
    return file
