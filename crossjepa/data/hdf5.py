"""Labelled point clouds in HDF5 files, the layout of PointNet's ModelNet40, which ScanObjectNN adopted."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath

import h5py
import numpy as np
from numpy.typing import NDArray

from crossjepa.data.dataset import BadMesh, Dataset, ObjectRecord
from crossjepa.data.releases import Release
from crossjepa.errors import UserError


class Hdf5Clouds(Dataset):
    """The rows of HDF5 files with `data` (N, P, 3) float and `label` (N,) or (N, 1) integer.

    Ids are `<split>/<file>/<row>`. Points keep the file's order and frame, which is +Y up in both releases.
    One file is open at a time: read row by row from a folder, held in memory from a zip.

    Args:
        release: where the HDF5 files lie.
        splits: names of each split's files.
        classes: names of the labels 0, 1, ...
        record: makes an object's record from its id, name, label, group and split.
    """

    def __init__(
        self,
        release: Release,
        splits: Mapping[str, Sequence[str]],
        classes: Sequence[str],
        record: Callable[..., ObjectRecord],
    ) -> None:
        self.release = release
        self.classes = classes
        self.record = record
        self._names = {
            f"{split}/{PurePosixPath(name).stem}": name for split, names in splits.items() for name in names
        }
        self._current: tuple[str, h5py.File | None] = ("", None)

    def objects(self) -> list[ObjectRecord]:
        """All rows, in the files' order.

        Raises:
            UserError: if a file is missing or damaged, lacks `data` or a usable `label`, or rows are missing.
        """
        return self._objects

    def cloud(self, object_id: str) -> NDArray[np.float32]:
        """A row's (P, 3) float32 points."""
        prefix, _, row = object_id.rpartition("/")
        file = self._open(self._names[prefix])
        try:
            return np.asarray(file["data"][int(row)], np.float32)
        except OSError as error:
            raise BadMesh(f"cannot be read: {error}") from error

    def digest(self, object_id: str) -> str:
        """SHA-256 of a row's points."""
        return hashlib.sha256(self.cloud(object_id).tobytes()).hexdigest()

    @cached_property
    def _objects(self) -> list[ObjectRecord]:
        records = []
        for prefix, name in self._names.items():
            split = prefix.partition("/")[0]
            for row, number in enumerate(self._labels(name)):
                own, label = f"{prefix}/{row}", self.classes[number]
                records.append(
                    self.record(id=own, name=f"{label} {row}", label=label, group=own, split=split)
                )
        self.release.check(records)
        return records

    def _labels(self, name: str) -> NDArray[np.int64]:
        labels = np.asarray(self._open(name)["label"]).reshape(-1)
        known = len(self.classes)
        if not np.isin(labels, np.arange(known)).all():
            raise UserError(
                f"{self.release.files.path}: {name}: has labels between {labels.min()} and {labels.max()}, "
                f"but the {known} classes are numbered from 0 to {known - 1}; fetch it again"
            )
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
    for key in {"data", "label"} - set(shapes):
        raise UserError(f"{where}: holds no `{key}`, only {sorted(file)}; it is not of this release")
    data = shapes["data"]
    if len(data) != 3 or data[2] != 3 or file["label"].size != data[0]:
        raise UserError(
            f"{where}: `data` of shape {data} and `label` of shape {shapes['label']}, not (N, P, 3) and "
            "(N,); it is not of this release"
        )
    return file
