"""Reading one point cloud file, whatever its format."""

import io

import numpy as np
import trimesh
from numpy.typing import NDArray
from pypcd4 import PointCloud

from crossjepa.data.dataset import BadMesh, Cloud

NAMES = ("points", "xyz", "pos", "data", "arr_0")  # of the array in an .npz file


def read_cloud(data: bytes, suffix: str) -> Cloud:
    """Read the points of a file: the first three columns are x, y and z, in the frame and units of the file.

    Args:
        data: the file's bytes.
        suffix: of the file's name, which tells its format: .npy, .npz, .pcd, .ply, .txt or .xyz.

    Raises:
        BadMesh: if it cannot be read, or holds no points.
    """
    try:
        points = _READERS[suffix.lower()](data)
    except Exception as error:  # any reader's complaint is a reason to set this cloud aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    if points.ndim != 2 or points.shape[1] < 3 or len(points) == 0:
        raise BadMesh(f"no points: an array of shape {points.shape} instead of rows of x, y, z")
    return Cloud(np.ascontiguousarray(points[:, :3], dtype=np.float32))


def _npy(data: bytes) -> NDArray[np.floating]:
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))


def _npz(data: bytes) -> NDArray[np.floating]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        found = arrays.files if len(arrays.files) == 1 else [n for n in NAMES if n in arrays.files]
        if not found:
            raise ValueError(f"none of its arrays {arrays.files} is called {', '.join(NAMES)}")
        return np.asarray(arrays[found[0]])


def _pcd(data: bytes) -> NDArray[np.floating]:
    points: NDArray[np.floating] = PointCloud.from_fileobj(io.BytesIO(data)).numpy(("x", "y", "z"))
    return points


def _ply(data: bytes) -> NDArray[np.floating]:
    return np.asarray(trimesh.load(io.BytesIO(data), file_type="ply", process=False).vertices)


def _text(data: bytes) -> NDArray[np.floating]:
    text = data.decode()
    return np.loadtxt(io.StringIO(text.replace(",", " ")), ndmin=2)


_READERS = {".npy": _npy, ".npz": _npz, ".pcd": _pcd, ".ply": _ply, ".txt": _text, ".xyz": _text}
