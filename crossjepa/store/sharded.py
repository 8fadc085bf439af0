"""A store: arrays with one row per object, cut into shard files that independent jobs write whole.

Rows are padded to shards x rows per shard, so every shard file exists however few objects there are and the
outputs of jobs are known before objects are counted. Inner chunks hold whole objects and carry a crc32c;
padding reads back as NaN in float arrays. A sealed store has a manifest with the SHA-256 of its files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from zarr.codecs import Crc32cCodec, ZstdCodec

from crossjepa.errors import UserError
from crossjepa.files import flush, write_json

FORMAT = 1  # of stores and manifests; a store that records no format has format 1
IDENTITY = "identity"


@dataclass(frozen=True)
class ArraySpec:
    """What one object contributes to an array: `shape` without the object axis, and `dtype`."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Layout:
    """How `objects` rows are cut into `shards` files of chunks of at most `chunk` objects."""

    objects: int
    shards: int
    chunk: int

    @property
    def inner(self) -> int:
        """Objects in an inner chunk: at most `chunk`, such that a shard's chunks are nearly equal."""
        rows = ceil(self.objects / self.shards)
        return ceil(rows / ceil(rows / self.chunk))

    @property
    def rows(self) -> int:
        """Rows in a shard, a whole number of inner chunks."""
        return ceil(ceil(self.objects / self.shards) / self.inner) * self.inner

    def positions(self, shard: int) -> range:
        """The objects in shard `shard`, as positions in the store; the last shards may be empty."""
        if not 0 <= shard < self.shards:
            raise UserError(f"shard {shard} does not exist; the store has {self.shards}, from 0")
        start = min(shard * self.rows, self.objects)
        return range(start, min(start + self.rows, self.objects))


class Manifest(BaseModel):
    """What a sealed store holds; equal stores have equal manifests, byte for byte.

    Attributes:
        format: version of the store's format.
        layout: how rows are cut into files.
        attributes: what `create` was given.
        arrays: shape (of one object) and dtype of each array.
        ids: the objects, in the order of the rows.
        set_aside: id -> reason, for objects without values.
        files: path in the store -> SHA-256, for every shard file.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    layout: Layout
    attributes: dict[str, Any]
    arrays: dict[str, dict[str, Any]] = {}
    ids: list[str]
    set_aside: dict[str, str]
    files: dict[str, str] = {}

    @property
    def rows(self) -> dict[str, int]:
        """The row of each object that has values, by id, in the order of the rows."""
        return {object_id: row for row, object_id in enumerate(self.ids) if object_id not in self.set_aside}


def identity(object_id: str) -> NDArray[np.uint8]:
    """The (16,) uint8 mark that ties a row to its object: the first bytes of the id's SHA-256."""
    return np.frombuffer(hashlib.sha256(object_id.encode()).digest()[:16], dtype=np.uint8)


def create(path: Path, layout: Layout, specs: Mapping[str, ArraySpec], attributes: dict[str, Any]) -> None:
    """Lay out an empty store: metadata only. Existing shard files stay.

    Args:
        path: the store's folder.
        layout: rows, shards and chunks.
        specs: each array by name, with dtype float32, float16 or uint8; `identity` is added.
        attributes: plain JSON types that go into the manifest.

    Raises:
        UserError: if there are no objects.
    """
    if layout.objects == 0:
        raise UserError(f"{path}: no objects to store; see the mesh table's status column")
    for metadata in path.glob("**/zarr.json"):
        metadata.unlink()
    group = zarr.create_group(path, attributes={"format": FORMAT, "layout": asdict(layout), **attributes})
    for name, spec in {**specs, IDENTITY: ArraySpec((16,), "uint8")}.items():
        group.create_array(
            name,
            shape=(layout.shards * layout.rows, *spec.shape),
            dtype=spec.dtype,
            chunks=(layout.inner, *spec.shape),
            shards=(layout.rows, *spec.shape),
            compressors=[ZstdCodec(level=3), Crc32cCodec()],
            fill_value=float("nan") if spec.dtype.startswith("float") else 0,
        )


def read_layout(path: Path) -> Layout:
    """The layout that `create` was given.

    Raises:
        UserError: if no store of this format is there.
    """
    return Layout(**_attributes(path)["layout"])


def read_attributes(path: Path) -> dict[str, Any]:
    """The attributes that `create` was given.

    Raises:
        UserError: if no store of this format is there.
    """
    return {key: value for key, value in _attributes(path).items() if key not in ("format", "layout")}


def read_manifest(path: Path) -> Manifest:
    """The manifest of a sealed store.

    Raises:
        UserError: if the store was never sealed, its format is another one, or the manifest is damaged.
    """
    file = path / "manifest.json"
    if not file.is_file():
        raise UserError(f"{path}: no manifest.json, so the store is not finished; run the workflow again")
    try:
        values = json.loads(file.read_text())
        _check_format(path, values)
        return Manifest.model_validate(values)
    except ValueError as error:
        raise UserError(f"{file}: damaged ({error}); delete it and run again") from error


def shard_file(path: Path, name: str, shard: int, dimensions: int) -> Path:
    """The file that holds one shard of one array of `dimensions` axes, the object axis included."""
    return path.joinpath(name, "c", str(shard), *["0"] * (dimensions - 1))


def write_shard(
    path: Path,
    shard: int,
    ids: Sequence[str],
    arrays: Mapping[str, NDArray[Any]],
    set_aside: Mapping[str, str],
) -> None:
    """Write one shard of every array, and why objects were set aside.

    Args:
        path: the store's folder, laid out by `create`.
        shard: which shard.
        ids: the ids of the shard's objects, in order.
        arrays: each array (len(ids), ...) by name; rows of set-aside objects are ignored.
        set_aside: id -> reason.

    Raises:
        ValueError: if names, ids or shapes do not fit the layout.
    """
    layout = read_layout(path)
    positions = layout.positions(shard)
    group = zarr.open_group(path, mode="r+")
    expected = set(array_names(path)) - {IDENTITY}
    if expected != set(arrays) or len(ids) != len(positions):
        raise ValueError(f"{path}: shard {shard} wants {len(positions)} rows of {sorted(expected)}")
    marks = np.array([identity(i) for i in ids], dtype=np.uint8).reshape(-1, 16)
    keep = np.array([i not in set_aside for i in ids], dtype=bool)
    for name, values in {**arrays, IDENTITY: marks}.items():
        array = group[name]
        assert isinstance(array, zarr.Array)
        whole = np.full((layout.rows, *array.shape[1:]), array.fill_value, dtype=array.dtype)
        filled = np.flatnonzero(keep) if name != IDENTITY else np.arange(len(ids))
        whole[filled] = values[filled]
        file = shard_file(path, name, shard, array.ndim)
        file.unlink(missing_ok=True)  # Zarr reads a shard before overwriting: a torn one fails
        # Zarr does not store this setting; without it a shard of nothing but padding would have no file.
        writer = array.with_config({"write_empty_chunks": True})
        writer[shard * layout.rows : (shard + 1) * layout.rows] = whole
        flush(file)
    write_json(path / "set_aside" / f"{shard}.json", dict(set_aside))


def read_file(file: Path) -> bytes:
    """The bytes of a store's file; a `UserError` if it is missing."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file}: missing; run the workflow again") from None


def array_names(path: Path) -> list[str]:
    """The arrays of a store, `identity` included, in alphabetical order."""
    return sorted(metadata.parent.name for metadata in path.glob("*/zarr.json"))


def _attributes(path: Path) -> dict[str, Any]:
    if not (path / "zarr.json").is_file():
        raise UserError(f"{path}: not a store; run the workflow that makes it")
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    _check_format(path, attributes)
    return attributes


def _check_format(path: Path, values: Mapping[str, Any]) -> None:
    if (found := values.get("format", FORMAT)) != FORMAT:
        remedy = "use the version that wrote it, or delete the store and run the workflow again"
        raise UserError(f"{path}: has store format {found}, CrossJEPA reads format {FORMAT}; {remedy}")
