"""The mesh table: every mesh looked at once, the broken ones set aside with their reason."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import trimesh
from numpy.typing import NDArray

from crossjepa.data.dataset import BadMesh, Cloud, Dataset, open_dataset, reason
from crossjepa.data.settings import Source
from crossjepa.data.table import OK
from crossjepa.errors import UserError
from crossjepa.progress import track

CHUNK = 8
MIN_POINTS = 64  # fewer say little of a shape

_dataset: Dataset  # each worker process opens the data set once
_max_faces: int


def inspect(scene: trimesh.Scene, max_faces: int) -> dict[str, Any]:
    """Faces and extents of a usable mesh.

    Args:
        scene: as loaded.
        max_faces: a mesh with more is not usable.

    Returns:
        `faces` and `extent_x`, `extent_y`, `extent_z` in source units.

    Raises:
        BadMesh: if it has no faces or too many, values that are not finite, or no area.
    """
    faces = sum(len(getattr(geometry, "faces", ())) for geometry in scene.geometry.values())
    if faces > max_faces:
        raise BadMesh(f"{faces} faces, more than data.max_faces = {max_faces} allows")
    mesh = scene.to_mesh() if faces else trimesh.Trimesh()
    if len(mesh.faces) == 0:
        raise BadMesh("no faces")
    if not np.isfinite(mesh.vertices).all():
        raise BadMesh("vertices that are not finite")
    if not mesh.area > 1e-12 * np.square(mesh.extents).sum():
        raise BadMesh("no surface area")
    return {"faces": len(mesh.faces), **_extents(mesh.extents)}


def inspect_cloud(cloud: Cloud) -> dict[str, Any]:
    """Points and extents of a usable cloud: `points` and `extent_x`, `extent_y`, `extent_z`.

    Raises:
        BadMesh: if it has too few points, values that are not finite, or no extent.
    """
    if len(cloud.xyz) < MIN_POINTS:
        raise BadMesh(f"{len(cloud.xyz)} points, fewer than {MIN_POINTS}")
    if not np.isfinite(cloud.xyz).all():
        raise BadMesh("points that are not finite")
    extents = np.ptp(cloud.xyz, axis=0)
    if not extents.max() > 0:
        raise BadMesh("all points are the same")
    return {"points": len(cloud.xyz), **_extents(extents)}


def scan(
    source: Source, archives: Path | None, max_bad_fraction: float, max_faces: int, threads: int
) -> pd.DataFrame:
    """Look at every mesh of a data set.

    Args:
        source: its entry under `data`.
        archives: the folder with its archives.
        max_bad_fraction: the largest share of broken meshes to accept.
        max_faces: a mesh with more is set aside.
        threads: processes to look with.

    Returns:
        The mesh table (see `read_meshes`).

    Raises:
        UserError: if too many meshes are broken, or two objects share an id.
    """
    records = open_dataset(source, archives).objects()
    ids = [record.id for record in records]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise UserError(f"data: two objects have the id '{twice}'; ids must be unique")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        threads, spawn, initializer=_open, initargs=(source, archives, max_faces)
    ) as pool:
        found = list(track(pool.map(_look, ids, chunksize=CHUNK), len(ids), "scan meshes", "mesh"))
    known = [{k: getattr(r, k) for k in ("id", "source", "name", "licence", "creator")} for r in records]
    table = pd.DataFrame([{**record, **seen} for record, seen in zip(known, found, strict=True)])
    bad = table[table["status"] != OK]
    if len(bad) > max_bad_fraction * len(table):
        reasons = [f"{row.id}: {row.status}" for row in bad.itertuples()]
        print("\n".join(reasons), file=sys.stderr)
        raise UserError(
            f"{len(bad)} of {len(table)} meshes are broken, more than data.max_bad_fraction = "
            f"{max_bad_fraction} allows; mend or remove them (the log names all), or raise it: "
            + "; ".join(reasons[:3])
        )
    return table.astype({"faces": "int64", "points": "int64"})


def _open(source: Source, archives: Path | None, max_faces: int) -> None:
    global _dataset, _max_faces
    _dataset, _max_faces = open_dataset(source, archives), max_faces


def _look(object_id: str) -> dict[str, Any]:
    nothing = {"faces": 0, "points": 0, **_extents(np.full(3, np.nan))}
    try:
        digest = _dataset.digest(object_id)
        cloud = _dataset.cloud(object_id)
        seen = inspect_cloud(cloud) if cloud is not None else inspect(_dataset.load(object_id), _max_faces)
        return {**nothing, "sha256": digest, **seen, "status": OK}
    except UserError:
        raise
    except Exception as error:
        return {"sha256": "", **nothing, "status": reason(error)}


def _extents(sides: NDArray[np.floating]) -> dict[str, float]:
    return dict(zip(("extent_x", "extent_y", "extent_z"), sides.tolist(), strict=True))
