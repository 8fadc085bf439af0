"""Reading the arrays of a store, each file once, so that the bytes hashed are the bytes decoded."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.buffer.cpu import Buffer
from zarr.storage import MemoryStore

from crossjepa.errors import UserError
from crossjepa.store.sharded import Layout, read_file, read_manifest, shard_file


@dataclass(frozen=True)
class Shard:
    """One shard file as read: its path, SHA-256, the positions of its objects and their (n, ...) values."""

    file: Path
    sha256: str
    positions: range
    values: NDArray[Any]


def read_array(
    path: Path,
    name: str,
    leading: int | None = None,
    rows: Sequence[int] | NDArray[np.int64] | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Read one array of a sealed store, (objects, ...) without padding; each file's SHA-256 is compared.

    Each shard is dropped before the next is read, so that little more than the result is in memory.

    Args:
        path: the store's folder.
        name: the array.
        leading: read only so many entries of the second axis.
        rows: read only these objects, in this order; shards without any are not read.
        out: the array to fill and return; a new one by default.

    Raises:
        UserError: if the store is missing or not sealed, has no such array, or a shard file is missing or is
            not the one that was sealed.
    """
    manifest = read_manifest(path)
    if name not in manifest.arrays:
        raise UserError(f"{path}: has no array '{name}'; it holds {sorted(manifest.arrays)}")
    layout = manifest.layout
    wanted = np.asarray(range(layout.objects) if rows is None else rows, dtype=np.int64)
    if out is None:
        shape, dtype = manifest.arrays[name]["shape"], manifest.arrays[name]["dtype"]
        out = np.empty((len(wanted), len(range(shape[0])[:leading]), *shape[1:]), dtype)
    order = np.argsort(wanted, kind="stable")
    numbers = np.unique(wanted // layout.rows).tolist()
    for shard in read_shards(path, name, layout, manifest.files, numbers):
        ends = shard.positions.start, shard.positions.stop
        places = order[slice(*np.searchsorted(wanted, ends, sorter=order))]
        out[places] = shard.values[wanted[places] - shard.positions.start, :leading]
    return out


def read_shards(
    path: Path,
    name: str,
    layout: Layout,
    sealed: Mapping[str, str] | None = None,
    numbers: Iterable[int] | None = None,
) -> Iterator[Shard]:
    """Read an array shard by shard.

    Args:
        path: the store's folder.
        name: the array.
        layout: the store's layout.
        sealed: the SHA-256 that each file must have, by its path in the store; None before sealing.
        numbers: the shards to read; all by default.

    Raises:
        UserError: if a file is missing, damaged or not the one that was sealed.
    """
    metadata = read_file(path / name / "zarr.json")
    dimensions = len(json.loads(metadata)["shape"])
    for number in range(layout.shards) if numbers is None else numbers:
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
