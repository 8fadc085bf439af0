"""Reading one point cloud file, whatever its format."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.data.cloud_text import read_text
from crossjepa.data.pcd import read_pcd
from crossjepa.errors import BadMesh

POINT_ARRAYS = (  # usual names of the array of points in an .npz file
    *("points", "xyz", "pos", "data", "arr_0", "pc", "coords", "vertices", "positions"),
    *("point", "pts", "verts", "coord", "point_cloud", "pointcloud", "cloud"),
)
MOST_BYTES = 2**30  # of one array in an .npz archive, unpacked
LOST = 1e-4  # share of a cloud's extent that rounding to float32 may move a point by
SMALLEST, LARGEST = 1e-15, 1e15  # extents whose squares float32 can hold


@dataclass(frozen=True, eq=False)
class Cloud:
    """A point cloud.

    Attributes:
        points: (N, 3) finite floats.
        dropped: rows of the file that were left out because a coordinate is not finite.
    """

    points: NDArray[np.floating]
    dropped: int = 0

    @property
    def warning(self) -> str:
        """What the user should know about it; empty if there is nothing."""
        rows = len(self.points) + self.dropped
        return f"{self.dropped} of {rows} rows are not finite and were dropped" if self.dropped else ""


def read_cloud(data: bytes, suffix: str) -> Cloud:
    """Read a point cloud: the columns x, y and z where the file names them, or else the first three.

    Args:
        data: the file's bytes.
        suffix: of the file's name; gives the format: .npy, .npz, .pcd, .ply, or else text.

    Returns:
        (N, 3) float64 points in the order, frame and units of the file.

    Raises:
        BadMesh: if the file cannot be read, or holds no finite point.
    """
    try:
        points = _read_points(data, suffix.lower())
    except BadMesh:
        raise
    except Exception as error:  # readers raise all kinds of errors; each sets this cloud aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    return keep_finite(points)


def keep_finite(points: NDArray[np.floating]) -> Cloud:
    """The cloud of those of (N, 3) points that are finite.

    Raises:
        BadMesh: if none is.
    """
    finite = np.isfinite(points).all(axis=1)
    if not finite.any():
        raise BadMesh(f"no points: of {len(points)} rows none is finite")
    return Cloud(points[finite], int((~finite).sum()))


def to_single(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Points in float32.

    Where the coordinates are so large that float32 would move points by more than 1e-4 of the extent, as in
    surveyors' coordinates (UTM), the mean is moved to the origin first. Other points stay where they are.

    Args:
        points: (N, 3) finite, N > 0.

    Raises:
        BadMesh: if float32 cannot hold squares of the distances.
    """
    extent, largest = np.ptp(points, axis=0).max(), np.abs(points).max()
    if extent and not SMALLEST <= extent <= LARGEST:
        raise BadMesh(f"its extent of {extent:.3g} is not between {SMALLEST} and {LARGEST}; check its units")
    if extent and largest * np.finfo(np.float32).eps > LOST * extent:
        points = points - points.mean(axis=0)
    return points.astype(np.float32)


def _read_points(data: bytes, suffix: str) -> NDArray[np.float64]:
    if suffix == ".pcd":
        return read_pcd(data)
    if suffix == ".ply":
        vertices = trimesh.load(io.BytesIO(data), file_type="ply", process=False).vertices
        return np.asarray(vertices, np.float64)
    if suffix not in (".npy", ".npz"):
        return read_text(data)
    loaded = np.load(io.BytesIO(data), allow_pickle=False)
    if suffix == ".npy":
        return _as_rows(loaded)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.file_size > MOST_BYTES:
                raise BadMesh(f"its array {member.filename} has {member.file_size} bytes: too many")
    return _as_rows(_choose({name: loaded[name] for name in loaded.files}))


def _choose(arrays: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
    """The array of points: the one with a usual name, or else with three columns, or else with more."""
    widths = {name: array.shape[-1] for name, array in arrays.items() if _is_table(array)}
    named = [name for name in arrays if name.lower() in POINT_ARRAYS]
    exact = [name for name, width in widths.items() if width == 3]
    for names in (named, [name for name in named if name in widths], exact, list(widths)):
        if len(names) == 1:
            return arrays[names[0]]
        if names == exact and len(exact) > 1:
            break
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    raise BadMesh(f"which of its arrays holds the points? {shapes}; name it {POINT_ARRAYS[0]}")


def _is_table(array: NDArray[np.generic]) -> bool:
    batch_of_one = array.ndim == 3 and len(array) == 1
    return (array.ndim == 2 or batch_of_one) and array.shape[-1] >= 3 and array.dtype.kind in "fiu"


def _as_rows(array: NDArray[np.generic]) -> NDArray[np.float64]:
    """The first three columns of an array of points, or the fields x, y and z of a structured array."""
    if {"x", "y", "z"} <= set(array.dtype.names or ()):
        fields: NDArray[Any] = array
        array = np.stack([fields[axis].ravel() for axis in "xyz"], axis=1)
    if array.dtype.kind not in "fiu":
        raise BadMesh(f"no points: an array of {array.dtype} instead of numbers")
    shape, rows = array.shape, array[0] if array.ndim == 3 and len(array) == 1 else array
    if rows.ndim == 2 and len(rows) == 3 < rows.shape[1]:
        raise BadMesh(f"shape {shape}: rows must be points; transpose it")
    if rows.ndim == 3:
        raise BadMesh(f"shape {shape}: several clouds in one file; write one file for each")
    if rows.ndim != 2 or rows.shape[1] < 3:
        raise BadMesh(f"no points: an array of shape {shape} instead of rows of x, y, z")
    return rows[:, :3].astype(np.float64)
