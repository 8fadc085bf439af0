"""Labelled point clouds in HDF5 files, the layout of PointNet's ModelNet40 that ScanObjectNN took over."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath

import h5py
import numpy as np
from numpy.typing import NDArray

from crossjepa.data.dataset import BadMesh, Cloud, Dataset, ObjectRecord
from crossjepa.data.files import Files, FolderFiles
from crossjepa.data.releases import Published, check_whole
from crossjepa.errors import UserError


class Hdf5Clouds(Dataset):
    """The rows of HDF5 files: `data` (N, P, 3) float, `label` (N,) or (N, 1), perhaps `normal` (N, P, 3).

    Ids are `<split>/<file>/<row>`. Points keep the file's order and frame, which is +Y up in both releases.
    One file is open at a time: read from disk row by row where it is unpacked, from memory out of a zip.

    Args:
        files: where the HDF5 files lie.
        splits: names of each split's files.
        classes: names of the labels 0, 1, ...
        like: a record with what all objects share.
        published: what the whole release holds; none where a part of it will do.
    """

    def __init__(
        self,
        files: Files,
        splits: Mapping[str, Sequence[str]],
        classes: Sequence[str],
        like: ObjectRecord,
        published: Published | None,
    ) -> None:
        self.files = files
        self.classes = classes
        self.like = like
        self.published = published
        self._names = {
            f"{split}/{PurePosixPath(name).stem}": name for split, names in splits.items() for name in names
        }
        self._open_name = ""
        self._open_file: h5py.File

    def objects(self) -> list[ObjectRecord]:
        """All rows, in the files' order.

        Raises:
            UserError: if a file is missing or damaged, lacks `data` or a usable `label`, or rows are missing.
        """
        return self._objects

    @cached_property
    def _objects(self) -> list[ObjectRecord]:
        records = []
        for prefix, name in self._names.items():
            for row, label in enumerate(self._labels(name)):
                known = replace(self.like, label=self.classes[label], split=prefix.partition("/")[0])
                object_id = f"{prefix}/{row}"
                records.append(replace(known, id=object_id, group=object_id, name=f"{known.label} {row}"))
        if self.published:
            check_whole(self.files.path, records, self.published)
        return records

    def cloud(self, object_id: str) -> Cloud:
        """A row's points, and its normals where the file has them."""
        prefix, row = object_id.rsplit("/", 1)
        file = self._open(self._names[prefix])
        try:
            xyz = np.asarray(file["data"][int(row)], np.float32)
            return Cloud(xyz, np.asarray(file["normal"][int(row)], np.float32) if "normal" in file else None)
        except OSError as error:
            raise BadMesh(f"cannot be read: {error}") from error

    def digest(self, object_id: str) -> str:
        """SHA-256 of a row's points and normals, float32."""
        cloud = self.cloud(object_id)
        digest = hashlib.sha256(cloud.xyz.tobytes())
        if cloud.normal is not None:
            digest.update(cloud.normal.tobytes())
        return digest.hexdigest()

    def _labels(self, name: str) -> NDArray[np.int64]:
        labels = np.asarray(self._open(name)["label"]).reshape(-1)
        known = len(self.classes)
        if not np.isin(labels, np.arange(known)).all():
            raise UserError(
                f"{self.files.path}: {name}: has labels between {labels.min()} and {labels.max()}, but the "
                f"{known} classes are numbered from 0 to {known - 1}; fetch it again"
            )
        return labels.astype(np.int64)

    def _open(self, name: str) -> h5py.File:
        if name != self._open_name:
            self._open_file = self._checked(name)
            self._open_name = name
        return self._open_file

    def _checked(self, name: str) -> h5py.File:
        where = f"{self.files.path}: {name}"
        if name not in self.files.names:
            raise UserError(f"{where}: is missing; fetch it again")
        try:
            file = h5py.File(self._source(name), "r")
        except (OSError, BadMesh) as error:
            raise UserError(f"{where}: not a readable HDF5 file ({error}); fetch it again") from error
        for key in ("data", "label"):
            if key not in file:
                raise UserError(f"{where}: holds no `{key}`, only {sorted(file)}; it is not of this release")
        shape = file["data"].shape
        if len(shape) != 3 or shape[2] != 3 or file["label"].size != shape[0]:
            raise UserError(
                f"{where}: `data` of shape {shape} and `label` of shape {file['label'].shape}, not (N, P, 3) "
                "and (N,); it is not of this release"
            )
        if "normal" in file and file["normal"].shape != shape:
            raise UserError(f"{where}: `normal` of shape {file['normal'].shape}, unlike `data`'s {shape}")
        return file

    def _source(self, name: str) -> str | io.BytesIO:
        if isinstance(self.files, FolderFiles):
            return str(self.files.path / name)
        return io.BytesIO(self.files.read(name))
