"""Checking a filled store and writing its manifest, which is all that later stages depend on."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crossjepa.errors import UserError
from crossjepa.files import write_json
from crossjepa.store import sharded
from crossjepa.store.reading import Shard, read_shards
from crossjepa.store.sharded import Manifest, read_manifest

__all__ = ["read_manifest", "seal", "verify"]


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
    layout = sharded.read_layout(path)
    if len(ids) != layout.objects:
        raise UserError(f"{path}: laid out for {layout.objects} objects, not {len(ids)}; lay it out again")
    set_aside: dict[str, str] = {}
    for number in range(layout.shards):
        set_aside |= json.loads(sharded.read_file(path / "set_aside" / f"{number}.json"))
    if len(set_aside) > max_bad_fraction * len(ids):
        example, why = next(iter(set_aside.items()))
        raise UserError(
            f"{path}: {len(set_aside)} of {len(ids)} objects were set aside, more than "
            f"data.max_bad_fraction = {max_bad_fraction} allows; the first: {example}: {why}"
        )
    attributes = sharded.read_attributes(path)
    manifest = Manifest(layout=layout, attributes=attributes, ids=list(ids), set_aside=set_aside)
    for name in sharded.array_names(path):
        for shard in read_shards(path, name, layout):
            _check_rows(shard, name, manifest)
            manifest.files[str(shard.file.relative_to(path))] = shard.sha256
            shape, dtype = list(shard.values.shape[1:]), str(shard.values.dtype)
            manifest.arrays[name] = {"shape": shape, "dtype": dtype}
    write_json(path / "manifest.json", manifest.model_dump())
    return manifest


def verify(path: Path) -> Manifest:
    """Check that a sealed store's files are, byte for byte, those that were sealed.

    Raises:
        UserError: naming the first file that is missing, damaged or differs from the manifest.
    """
    manifest = read_manifest(path)
    for name in manifest.arrays:
        for _ in read_shards(path, name, manifest.layout, manifest.files):
            pass
    return manifest


def _check_rows(shard: Shard, name: str, manifest: Manifest) -> None:
    for values, position in zip(shard.values, shard.positions, strict=True):
        object_id = manifest.ids[position]
        if name == sharded.IDENTITY and not np.array_equal(values, sharded.identity(object_id)):
            row = position - shard.positions.start
            raise UserError(f"{shard.file}: row {row} is not {object_id}; delete it and run again")
        if object_id not in manifest.set_aside and not np.all(np.isfinite(values)):
            raise UserError(f"{shard.file}: {object_id} has values that are not finite; delete it, run again")
