"""A store of per-object arrays, cut into shard files that independent jobs write whole.

Every array has shape (rows, ...), one row an object. Rows are padded to shards x rows-a-shard, so that
each shard's file comes to exist however few objects there are, and a job's declared outputs are known
before the objects are counted. Inner chunks hold whole objects and carry a crc32c; padding reads back
as NaN in float arrays.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from crossjepa.errors import UserError

IDENTITY = "identity"
DTYPES = {"float32", "float16", "uint8"}


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
        """Objects in an inner chunk: at most `chunk`, evened out over the shard."""
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


def identity(object_id: str) -> NDArray[np.uint8]:
    """The (16,) uint8 mark that ties a row to its object: the head of the id's SHA-256."""
    return np.frombuffer(hashlib.sha256(object_id.encode()).digest()[:16], dtype=np.uint8)


def create(path: Path, layout: Layout, specs: Mapping[str, ArraySpec], attributes: dict[str, Any]) -> None:
    """Lay out an empty store: metadata only. Shards that lie there already are left alone.

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
    group = zarr.create_group(path, attributes={"layout": asdict(layout), **attributes})
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
    """The layout that `create` was given."""
    return Layout(**_attributes(path)["layout"])


def read_attributes(path: Path) -> dict[str, Any]:
    """The attributes that `create` was given."""
    return {key: value for key, value in _attributes(path).items() if key != "layout"}


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
    """Write one shard of every array, and the reasons for objects that could not be done.

    Args:
        path: the store's folder, laid out by `create`.
        shard: which shard.
        ids: the ids of the shard's objects, in order.
        arrays: each array (len(ids), ...) by name; rows of set-aside objects are ignored.
        set_aside: id -> reason.

    Raises:
        ValueError: if names, ids or shapes are not those of the layout.
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
        file.unlink(missing_ok=True)  # Zarr reads a shard before it overwrites it; a torn one would fail
        # The setting is not kept with the array; without it a shard of padding alone would have no file.
        writer = array.with_config({"write_empty_chunks": True})
        writer[shard * layout.rows : (shard + 1) * layout.rows] = whole
        _flush(file)
    write_json(path / "set_aside" / f"{shard}.json", dict(set_aside))


def read_array(path: Path, name: str, leading: int | None = None) -> NDArray[Any]:
    """Read one array in bulk, without padding: (objects, ...).

    Args:
        path: the store's folder.
        name: the array.
        leading: read only so many entries of the second axis, to spare memory.

    Raises:
        UserError: if the store, the array or one of its shards is missing, or a checksum differs.
    """
    group = open_group(path)
    if name not in group:
        raise UserError(f"{path}: has no array '{name}'; it holds {array_names(path)}")
    array = group[name]
    assert isinstance(array, zarr.Array)
    layout = read_layout(path)
    for shard in range(layout.shards):
        if not shard_file(path, name, shard, array.ndim).is_file():
            raise UserError(f"{path}: shard {shard} of '{name}' is missing; run the workflow again")
    try:
        return np.asarray(array[: layout.objects, :leading])
    except ValueError as error:
        raise UserError(
            f"{path}: array '{name}' is damaged ({error}); "
            "`crossjepa store verify` names the shard: delete it and run again"
        ) from error


def array_names(path: Path) -> list[str]:
    """The arrays of a store, `identity` included, in alphabetical order."""
    return sorted(metadata.parent.name for metadata in path.glob("*/zarr.json"))


def open_group(path: Path) -> zarr.Group:
    """The Zarr group of a store.

    Raises:
        UserError: if no store lies there.
    """
    if not (path / "zarr.json").is_file():
        raise UserError(f"{path}: not a store; run the workflow that makes it")
    return zarr.open_group(path, mode="r")


def write_json(path: Path, value: Any) -> None:
    """Write plain JSON types to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    _flush(partial)
    os.replace(partial, path)


def _attributes(path: Path) -> dict[str, Any]:
    return dict(open_group(path).attrs)


def _flush(file: Path) -> None:
    """Make a written file survive a power cut; Zarr writes atomically but does not sync."""
    with file.open("rb") as handle:
        os.fsync(handle.fileno())
