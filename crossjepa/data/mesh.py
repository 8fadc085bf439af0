"""Reading one mesh or point cloud file, whatever its format."""

import io
import re

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from pypcd4 import PointCloud
from trimesh.resolvers import Resolver

from crossjepa.errors import BadMesh

_USES = ("baseColor", "metallicRoughness", "normal", "occlusion", "emissive")
TEXTURES = ("image", *(f"{use}Texture" for use in _USES))  # attributes of trimesh's materials
POINT_ARRAYS = ("points", "xyz", "pos", "data", "arr_0")  # names of the array of points in an .npz file


def read_scene(data: bytes, suffix: str, resolver: Resolver) -> trimesh.Scene:
    """Read a mesh with its materials, in the frame and units of the file.

    Args:
        data: the file's bytes.
        suffix: of the file's name; gives the format.
        resolver: finds the materials and textures that the file refers to.

    Raises:
        BadMesh: if the mesh or one of its textures cannot be read, or it holds no geometry.
    """
    kind = suffix.lstrip(".").lower()
    if kind == "off":
        data = _checked_off(data)
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, resolver=resolver, process=False)
        for geometry in scene.geometry.values():
            _decode_textures(getattr(geometry.visual, "material", None))
    except Exception as error:  # readers raise all kinds of errors; each sets this mesh aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    if not scene.geometry:
        raise BadMesh("no faces")
    return scene


def _decode_textures(material: object) -> None:
    """Decode images now: Pillow decodes lazily, and a damaged image would only fail in a later stage."""
    for texture in TEXTURES:
        if isinstance(image := getattr(material, texture, None), Image.Image):
            image.load()


def _checked_off(data: bytes) -> bytes:
    """An OFF file without comments, which trimesh may misread.

    Raises:
        BadMesh: if there are fewer lines than the header counts, which trimesh reads as a smaller mesh.
    """
    data = re.sub(rb"#.*", b"", data)
    header = re.match(rb"\s*C?OFF\s*(\d+)\s+(\d+)", data)
    if not header:
        raise BadMesh("not an OFF file: it does not begin with OFF and two counts")
    lines = sum(1 for line in data[header.end() :].splitlines()[1:] if line.strip())
    if lines < (wanted := int(header[1]) + int(header[2])):
        raise BadMesh(f"ends early: {lines} of {wanted} vertices and faces")
    return data


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
