"""The mesh table: reads every object once and sets unusable ones aside with the reason."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.data.clouds import Cloud
from crossjepa.data.dataset import Dataset
from crossjepa.data.guard import Guarded
from crossjepa.data.normalise import surface
from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import DataSettings, Source
from crossjepa.data.table import OK
from crossjepa.data.usable import check_cloud, check_surface
from crossjepa.errors import BadMesh, UserError
from crossjepa.files import printable
from crossjepa.mesh.mesh import Mesh
from crossjepa.progress import track

if TYPE_CHECKING:
    import trimesh

CHUNK = 8  # objects that a process gets at a time
STRAY_AREA, STRAY_DISTANCE = 0.01, 10.0  # share of the surface; times the distance of the rest


def scan(source: Source, settings: DataSettings, threads: int) -> pd.DataFrame:
    """Read every object of a data set.

    Args:
        source: its entry under `data`.
        settings: `max_faces`, `missing_textures`, `max_seconds` and `max_memory` are used.
        threads: how many objects to read at the same time.

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
    with (
        ProcessPoolExecutor(threads, spawn) as pool,
        Guarded(partial(inspect, dataset, settings), settings.limits) as reader,
    ):
        if threads > 1:
            results = pool.map(partial(_row_in_worker, source, settings), ids, chunksize=CHUNK)
        else:
            results = map(partial(_row, reader), ids)
        rows = list(track(results, len(ids), "scan meshes", "mesh"))
    known = pd.DataFrame(records)[["id", "source", "name", "licence", "creator"]]
    table = pd.concat([known, pd.DataFrame(rows)], axis=1)
    if not (table["status"] == OK).any():
        raise UserError(f"data: no object of {len(table)} is usable; the first: {table['status'].iloc[0]}")
    return table.astype({"faces": "int64", "points": "int64"})


def inspect(dataset: Dataset, settings: DataSettings, object_id: str) -> dict[str, Any]:
    """A usable object's columns of the mesh table that need its data.

    Raises:
        BadMesh: if it cannot be used.
    """
    digest, cloud = dataset.digest(object_id), dataset.cloud(object_id)
    found = inspect_mesh(dataset.load(object_id), settings) if cloud is None else inspect_cloud(cloud)
    return {"sha256": digest, **found}


def inspect_mesh(mesh: Mesh, settings: DataSettings) -> dict[str, Any]:
    """Faces, extents, axis and warnings of a usable mesh.

    Args:
        mesh: as loaded, +Y up.
        settings: `max_faces` and `missing_textures` are used.

    Returns:
        `faces`; `extent_x`, `extent_y`, `extent_z` in source units; `up` and `warnings`.

    Raises:
        BadMesh: if it has too many faces, values that are not finite, no area, or textures that must not be
            missing.
    """
    if mesh.count > settings.max_faces:
        raise BadMesh(f"{mesh.count} faces, more than data.max_faces = {settings.max_faces} allows")
    if mesh.warnings and settings.missing_textures == "set_aside":
        raise BadMesh("; ".join(mesh.warnings))
    whole = surface(mesh)
    check_surface(whole)
    warnings = printable("; ".join([*mesh.warnings, *_stray(whole)]))
    return {"faces": mesh.count, **_extents(whole.extents), "up": mesh.up or "y", "warnings": warnings}


def _stray(whole: "trimesh.Trimesh") -> list[str]:
    """A warning if a small part of the surface lies far from the rest, which makes the object tiny."""
    areas, centres = whole.area_faces, whole.triangles_center
    middle = [_quantile(along, areas, 0.5) for along in centres.T]
    distances = np.linalg.norm(centres - middle, axis=1)
    most = _quantile(distances, areas, 1 - STRAY_AREA)
    times = distances.max() / most if most else 1.0
    return [f"a part lies {times:.0f} times as far out as the rest"] if times > STRAY_DISTANCE else []


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    """The smallest value that at least this share of the weight does not exceed."""
    order = values.argsort()
    return float(values[order][np.searchsorted(weights[order].cumsum(), share * weights.sum())])


def inspect_cloud(cloud: Cloud) -> dict[str, Any]:
    """Columns of a usable cloud: `points`, `extent_x`, `extent_y`, `extent_z` and `warnings`.

    Raises:
        BadMesh: if it has too few points, or no extent.
    """
    check_cloud(cloud)
    extents = np.ptp(cloud.points, axis=0)
    return {"points": len(cloud.points), **_extents(extents), "warnings": cloud.warning}


def _row(reader: Guarded[dict[str, Any]], object_id: str) -> dict[str, Any]:
    row = {"sha256": "", "faces": 0, "points": 0, **_extents(np.full(3, np.nan)), "up": "", "warnings": ""}
    try:
        return row | reader(object_id) | {"status": OK}
    except BadMesh as error:
        return row | {"status": str(error)}


def _row_in_worker(source: Source, settings: DataSettings, object_id: str) -> dict[str, Any]:
    return _row(_reader(source, settings), object_id)


@cache
def _reader(source: Source, settings: DataSettings) -> Guarded[dict[str, Any]]:
    """Reads the data set's objects; made once in each worker process."""
    return Guarded(partial(inspect, open_dataset(source), settings), settings.limits)


def _extents(sides: NDArray[np.floating]) -> dict[str, float]:
    return dict(zip(("extent_x", "extent_y", "extent_z"), sides.tolist(), strict=True))
