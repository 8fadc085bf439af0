"""Reading one point cloud file, whatever its format."""

import io

import numpy as np
import trimesh
from numpy.typing import NDArray
from pypcd4 import PointCloud

from crossjepa.errors import BadMesh

POINT_ARRAYS = ("points", "xyz", "pos", "data", "arr_0")  # names of the array of points in an .npz file


def read_cloud(data: bytes, suffix: str) -> NDArray[np.float32]:
    """Read a point cloud: the first three columns are x, y and z.

    Args:
        data: the file's bytes.
        suffix: of the file's name; gives the format: .npy, .npz, .pcd, .ply, .txt or .xyz.

    Returns:
        (N, 3) float32 points in the order, frame and units of the file.

    Raises:
        BadMesh: if the file cannot be read or holds no points.
    """
    try:
        points = _read_points(data, suffix.lower())
    except Exception as error:  # readers raise all kinds of errors; each sets this cloud aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    if points.ndim != 2 or points.shape[1] < 3 or len(points) == 0:
        raise BadMesh(f"no points: an array of shape {points.shape} instead of rows of x, y, z")
    return np.ascontiguousarray(points[:, :3], dtype=np.float32)


def _read_points(data: bytes, suffix: str) -> NDArray[np.floating]:
    stream = io.BytesIO(data)
    if suffix == ".pcd":
        return np.asarray(PointCloud.from_fileobj(stream).numpy(("x", "y", "z")))
    if suffix == ".ply":
        return np.asarray(trimesh.load(stream, file_type="ply", process=False).vertices)
    if suffix not in (".npy", ".npz"):
        return np.loadtxt(io.StringIO(data.decode().replace(",", " ")), ndmin=2)
    loaded = np.load(stream, allow_pickle=False)
    if suffix == ".npy":
        return np.asarray(loaded)
    found = loaded.files if len(loaded.files) == 1 else [n for n in POINT_ARRAYS if n in loaded.files]
    if not found:
        raise ValueError(f"none of its arrays {loaded.files} is called {', '.join(POINT_ARRAYS)}")
    return np.asarray(loaded[found[0]])
