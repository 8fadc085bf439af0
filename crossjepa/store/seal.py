"""Reading a filled store back, and the manifest that vouches for it.

Everything below a store depends on its manifest alone.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from pydantic import BaseModel, ConfigDict

from crossjepa.errors import UserError
from crossjepa.store.sharded import (
    IDENTITY,
    Layout,
    array_names,
    identity,
    open_group,
    read_attributes,
    read_layout,
    shard_file,
    write_json,
)


class Manifest(BaseModel):
    """What a sealed store holds; equal stores have equal manifests, byte for byte."""

    model_config = ConfigDict(extra="forbid")

    layout: dict[str, int]
    attributes: dict[str, Any]
    arrays: dict[str, dict[str, Any]]
    ids: list[str]
    set_aside: dict[str, str]
    files: dict[str, str]


def seal(path: Path, ids: Sequence[str], max_bad_fraction: float) -> Manifest:
    """Check every shard and write `manifest.json`.

    Args:
        path: the store's folder.
        ids: the ids that the store must hold, in order.
        max_bad_fraction: the largest share of set-aside objects to accept.

    Raises:
        UserError: if a shard is missing, damaged, holds another object or a value that is not finite,
            or if too many objects were set aside.
    """
    layout = read_layout(path)
    if len(ids) != layout.objects:
        raise UserError(f"{path}: laid out for {layout.objects} objects, not {len(ids)}; lay it out again")
    set_aside: dict[str, str] = {}
    for shard in range(layout.shards):
        set_aside |= json.loads((path / "set_aside" / f"{shard}.json").read_text())
    if len(set_aside) > max_bad_fraction * len(ids):
        example = next(iter(set_aside.items()))
        raise UserError(
            f"{path}: {len(set_aside)} of {len(ids)} objects were set aside, more than "
            f"data.max_bad_fraction = {max_bad_fraction} allows; the first: {example[0]}: {example[1]}"
        )
    arrays, files = _check_arrays(path, layout, ids, set_aside)
    manifest = Manifest(
        layout={"objects": layout.objects, "shards": layout.shards, "chunk": layout.chunk},
        attributes=read_attributes(path),
        arrays=arrays,
        ids=list(ids),
        set_aside=set_aside,
        files=files,
    )
    write_json(path / "manifest.json", manifest.model_dump())
    return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest of a sealed store.

    Raises:
        UserError: if the store was never sealed.
    """
    file = path / "manifest.json"
    if not file.is_file():
        raise UserError(f"{path}: no manifest.json, so the store is not finished; run the workflow again")
    return Manifest.model_validate_json(file.read_text())


def verify(path: Path) -> Manifest:
    """Check a sealed store against its manifest: every file's digest, id and value.

    Raises:
        UserError: naming the first file that differs.
    """
    manifest = read_manifest(path)
    _, files = _check_arrays(path, Layout(**manifest.layout), manifest.ids, manifest.set_aside)
    for name, digest in manifest.files.items():
        if files.get(name) != digest:
            raise UserError(f"{path / name}: differs from manifest.json; delete it and run again")
    return manifest


def _check_arrays(
    path: Path, layout: Layout, ids: Sequence[str], set_aside: dict[str, str]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Read all shards back; returns each array's shape and dtype, and each file's SHA-256."""
    arrays: dict[str, dict[str, Any]] = {}
    files: dict[str, str] = {}
    group = open_group(path)
    for name in array_names(path):
        array = group[name]
        assert isinstance(array, zarr.Array)
        arrays[name] = {"shape": list(array.shape[1:]), "dtype": str(array.dtype)}
        for shard in range(layout.shards):
            file = shard_file(path, name, shard, array.ndim)
            if not file.is_file():
                raise UserError(f"{file}: missing; run the workflow again")
            _check_shard(file, array, shard, layout, ids, set_aside)
            files[str(file.relative_to(path))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return arrays, files


def _check_shard(
    file: Path,
    array: "zarr.Array[Any]",
    shard: int,
    layout: Layout,
    ids: Sequence[str],
    set_aside: dict[str, str],
) -> None:
    positions = layout.positions(shard)
    start = shard * layout.rows
    try:
        values = np.asarray(array[start : start + layout.rows])[: len(positions)]
    except Exception as error:
        raise UserError(f"{file}: damaged ({error}); delete it and run again") from error
    for row, position in enumerate(positions):
        if array.basename == IDENTITY and not np.array_equal(values[row], identity(ids[position])):
            raise UserError(f"{file}: row {row} is not {ids[position]}; delete it and run again")
        if ids[position] not in set_aside and not np.all(np.isfinite(values[row])):
            raise UserError(f"{file}: {ids[position]} has values that are not finite; delete it, run again")
