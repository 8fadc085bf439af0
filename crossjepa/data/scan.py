"""The mesh table: reads every object once and sets unusable ones aside with the reason."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import trimesh
from numpy.typing import NDArray

from crossjepa.data.clouds import Cloud
from crossjepa.data.dataset import BadMesh, Dataset, open_dataset, reason
from crossjepa.data.normalise import count_faces
from crossjepa.data.settings import Source
from crossjepa.data.table import OK
from crossjepa.errors import UserError
from crossjepa.progress import track

CHUNK = 8  # objects that a process gets at a time
MIN_POINTS = 32  # fewer say little about a shape


def scan(source: Source, max_faces: int, threads: int) -> pd.DataFrame:
    """Read every object of a data set.

    Args:
        source: its entry under `data`.
        max_faces: a mesh with more faces is set aside.
        threads: processes to read with; 1 reads in this process.

    Returns:
        The mesh table (see `read_meshes`).

    Raises:
        UserError: if no object is usable, or two objects share an id.
    """
    dataset = open_dataset(source)
    records = dataset.objects()
    ids = [record.id for record in records]
    if len(set(ids)) < len(ids):
        raise UserError(f"data: two objects have the id '{Counter(ids).most_common(1)[0][0]}'")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(threads, spawn) as pool:
        if threads > 1:
            results = pool.map(partial(_inspect_in_worker, source, max_faces), ids, chunksize=CHUNK)
        else:
            results = map(partial(inspect, dataset, max_faces=max_faces), ids)
        rows = list(track(results, len(ids), "scan meshes", "mesh"))
    known = pd.DataFrame(records)[["id", "source", "name", "licence", "creator"]]
    table = pd.concat([known, pd.DataFrame(rows)], axis=1)
    if not (table["status"] == OK).any():
        raise UserError(f"data: no object of {len(table)} is usable; the first: {table['status'].iloc[0]}")
    return table.astype({"faces": "int64", "points": "int64"})


def inspect(dataset: Dataset, object_id: str, max_faces: int) -> dict[str, Any]:
    """An object's columns of the mesh table that need its data: sha256, faces, points, extents, warnings and
    status."""
    row = {"sha256": "", "faces": 0, "points": 0, **_extents(np.full(3, np.nan)), "warnings": ""}
    try:
        digest, cloud = dataset.digest(object_id), dataset.cloud(object_id)
        seen = inspect_mesh(dataset.load(object_id), max_faces) if cloud is None else inspect_cloud(cloud)
        return {**row, "sha256": digest, **seen, "status": OK}
    except UserError:
        raise
    except Exception as error:  # a broken object must not stop the others
        return {**row, "status": reason(error)}


def inspect_mesh(scene: trimesh.Scene, max_faces: int) -> dict[str, Any]:
    """Faces and extents of a usable mesh.

    Args:
        scene: as loaded.
        max_faces: a mesh with more is not usable.

    Returns:
        `faces` and `extent_x`, `extent_y`, `extent_z` in source units.

    Raises:
        BadMesh: if it has no faces or too many, values that are not finite, or no area.
    """
    if (faces := count_faces(scene)) > max_faces:
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
    """Columns of a usable cloud: `points`, `extent_x`, `extent_y`, `extent_z` and `warnings`.

    Raises:
        BadMesh: if it has too few points, or no extent.
    """
    if (number := len(cloud.points)) < MIN_POINTS:
        rows = f"; {cloud.warning}" if cloud.dropped else ""
        raise BadMesh(f"{number} points, fewer than {MIN_POINTS}{rows}")
    extents = np.ptp(cloud.points, axis=0)
    if not extents.max() > 0:
        raise BadMesh("all points are the same")
    return {"points": number, **_extents(extents), "warnings": cloud.warning}


def _inspect_in_worker(source: Source, max_faces: int, object_id: str) -> dict[str, Any]:
    return inspect(_opened(source), object_id, max_faces)


@cache
def _opened(source: Source) -> Dataset:
    """The data set, opened once in each worker process."""
    return open_dataset(source)


def _extents(sides: NDArray[np.floating]) -> dict[str, float]:
    return dict(zip(("extent_x", "extent_y", "extent_z"), sides.tolist(), strict=True))
