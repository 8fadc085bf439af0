"""The mesh table: every mesh looked at once, the broken ones set aside with their reason."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import trimesh

from crossjepa.config import Source
from crossjepa.data.dataset import BadMesh, Dataset, open_dataset
from crossjepa.data.table import OK
from crossjepa.errors import UserError
from crossjepa.progress import track

CHUNK = 8

_dataset: Dataset  # each worker process opens the data set once


def inspect(scene: trimesh.Scene) -> dict[str, Any]:
    """Faces and extents of a usable mesh.

    Args:
        scene: as loaded.

    Returns:
        `faces` and `extent_x`, `extent_y`, `extent_z` in source units.

    Raises:
        BadMesh: if it has no faces, values that are not finite, or no area.
    """
    mesh = scene.to_mesh() if scene.geometry else trimesh.Trimesh()
    if len(mesh.faces) == 0:
        raise BadMesh("no faces")
    if not np.isfinite(mesh.vertices).all():
        raise BadMesh("vertices that are not finite")
    if not mesh.area > 1e-12 * np.square(mesh.extents).sum():
        raise BadMesh("no surface area")
    extents = dict(zip(("extent_x", "extent_y", "extent_z"), mesh.extents.tolist(), strict=True))
    return {"faces": len(mesh.faces), **extents}


def scan(source: Source, archives: Path | None, max_bad_fraction: float, threads: int) -> pd.DataFrame:
    """Look at every mesh of a data set.

    Args:
        source: its entry under `data`.
        archives: the folder with its archives.
        max_bad_fraction: the largest share of broken meshes to accept.
        threads: processes to look with.

    Returns:
        One row an object: id, source, name, licence, creator, sha256, faces, extent_x, extent_y, extent_z
        and status, which is `ok` or the reason why the mesh is set aside.

    Raises:
        UserError: if too many meshes are broken, or two objects share an id.
    """
    records = open_dataset(source, archives).objects()
    ids = [record.id for record in records]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise UserError(f"data: two objects have the id '{twice}'; ids must be unique")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(threads, spawn, initializer=_open, initargs=(source, archives)) as pool:
        found = list(track(pool.map(_look, ids, chunksize=CHUNK), len(ids), "scan meshes", "mesh"))
    known = [{k: getattr(r, k) for k in ("id", "source", "name", "licence", "creator")} for r in records]
    table = pd.DataFrame([{**record, **seen} for record, seen in zip(known, found, strict=True)])
    bad = table[table["status"] != OK]
    if len(bad) > max_bad_fraction * len(table):
        reasons = "; ".join(f"{row.id}: {row.status}" for row in bad.head(3).itertuples())
        raise UserError(
            f"{len(bad)} of {len(table)} meshes are broken, more than data.max_bad_fraction = "
            f"{max_bad_fraction} allows: {reasons}"
        )
    return table.astype({"faces": "int64"})


def _open(source: Source, archives: Path | None) -> None:
    global _dataset
    _dataset = open_dataset(source, archives)


def _look(object_id: str) -> dict[str, Any]:
    nothing = {"faces": 0, "extent_x": np.nan, "extent_y": np.nan, "extent_z": np.nan}
    try:
        digest = _dataset.digest(object_id)
        return {"sha256": digest, **inspect(_dataset.load(object_id)), "status": OK}
    except BadMesh as reason:
        return {"sha256": "", **nothing, "status": str(reason)}
