"""A store: arrays with one row per object, cut into shard files that independent jobs write whole.

Rows are padded to shards x rows per shard, so every shard file exists however few objects there are and the
outputs of jobs are known before objects are counted. Inner chunks hold whole objects and carry a crc32c;
padding reads back as NaN in float arrays. A sealed store has a manifest with the SHA-256 of its files.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from zarr.buffer.cpu import Buffer
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from crossjepa.errors import UserError
from crossjepa.files import flush, write_json

FORMAT = 1  # of stores and manifests; those written before it was recorded are of format 1 too
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


@dataclass(frozen=True)
class Shard:
    """One shard file as read: its path, SHA-256, the positions of its objects and their (n, ...) values."""

    file: Path
    sha256: str
    positions: range
    values: NDArray[Any]


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
        # Zarr does not store this setting; without it a shard of nothing but padding would have no file.
        writer = array.with_config({"write_empty_chunks": True})
        writer[shard * layout.rows : (shard + 1) * layout.rows] = whole
        flush(file)
    write_json(path / "set_aside" / f"{shard}.json", dict(set_aside))


def read_array(path: Path, name: str, leading: int | None = None) -> NDArray[Any]:
    """Read one array of a sealed store, (objects, ...) without padding; each file's SHA-256 is compared.

    Args:
        path: the store's folder.
        name: the array.
        leading: read only so many entries of the second axis, to save memory.

    Raises:
        UserError: if the store is missing or not sealed, has no such array, or a shard file is missing or is
            not the one that was sealed.
    """
    manifest = read_manifest(path)
    if name not in manifest.arrays:
        raise UserError(f"{path}: has no array '{name}'; it holds {sorted(manifest.arrays)}")
    shape, dtype = manifest.arrays[name]["shape"], manifest.arrays[name]["dtype"]
    second = range(shape[0])[:leading]
    values = np.empty((manifest.layout.objects, len(second), *shape[1:]), dtype)
    for shard in read_shards(path, name, manifest.layout, manifest.files):
        values[shard.positions.start : shard.positions.stop] = shard.values[:, :leading]
    return values


def read_shards(
    path: Path, name: str, layout: Layout, sealed: Mapping[str, str] | None = None
) -> Iterator[Shard]:
    """Read an array shard by shard, each file once: what is hashed is what is decoded.

    Args:
        path: the store's folder.
        name: the array.
        layout: the store's layout.
        sealed: the SHA-256 that each file must have, by its path in the store; None before sealing.

    Raises:
        UserError: if a file is missing, damaged or not the one that was sealed.
    """
    metadata = read_file(path / name / "zarr.json")
    dimensions = len(json.loads(metadata)["shape"])
    for number in range(layout.shards):
        file, positions = shard_file(path, name, number, dimensions), layout.positions(number)
        data = read_file(file)
        digest = hashlib.sha256(data).hexdigest()
        if sealed is not None and sealed.get(str(file.relative_to(path))) != digest:
            raise UserError(f"{file}: differs from manifest.json; delete it and run the workflow again")
        key = str(file.relative_to(path / name))
        contents: dict[str, Any] = {"zarr.json": Buffer.from_bytes(metadata), key: Buffer.from_bytes(data)}
        start = number * layout.rows
        try:
            array: zarr.Array[Any] = zarr.open_array(MemoryStore(contents), mode="r")
            values = np.asarray(array[start : start + len(positions)])
        except Exception as error:
            raise UserError(f"{file}: damaged ({error}); delete it and run the workflow again") from error
        yield Shard(file, digest, positions, values)


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
