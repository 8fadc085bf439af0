"""The objects that a user hands to an encoder: files, folders, meshes and points in memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.data.clouds import keep_finite, read_cloud
from crossjepa.data.files import Files
from crossjepa.data.listing import CLOUD, CLOUDS, MESHES, NO_ROWS, FolderListing, kind_of
from crossjepa.errors import BadMesh, UserError
from crossjepa.inference.clouds import Sampling, UnitCloud, sample, thin
from crossjepa.mesh.mesh import Mesh, Part

Read = Callable[[Sampling], UnitCloud]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Given:
    """One object that a user gave.

    Attributes:
        name: its path; for an object in memory its number among all objects, from 0.
        read: gives its cloud, or raises a BadMesh.
    """

    name: str
    read: Read


def find_objects(objects: Any) -> Iterator[Given]:
    """The objects that a user gave, one after another, not read yet.

    Args:
        objects: the path of a mesh, a point cloud or a folder of them; a mesh, scene or point cloud of
            trimesh; an (N, 3) array or tensor of points, or (B, N, 3) of several clouds; or any iterable of
            these.

    Raises:
        UserError: if a path does not exist or is neither mesh, cloud nor a folder with some, or an object is
            of another kind.
    """
    for number, (name, read) in enumerate(_find(objects)):
        yield Given(name or str(number), read)


def passed_over(paths: Iterable[Path]) -> list[str]:
    """How many files in the folders among some paths are no objects, and why: a line for each kind."""
    folders = [path for path in paths if path.is_dir()]
    return [f"{folder}: {line}" for folder in folders for line in FolderListing.read(folder).passed_over]


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one perhaps shorter.

    Raises:
        UserError: if `size` is not positive.
    """
    if size < 1:
        raise UserError(f"batch_size must be at least 1, not {size}")
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _find(objects: Any) -> Iterator[tuple[str, Read]]:
    if isinstance(objects, str | Path):
        yield from _on_disk(Path(objects))
    elif isinstance(objects, trimesh.Trimesh | trimesh.Scene):
        yield "", partial(_mesh_in_memory, objects)
    elif isinstance(objects, trimesh.PointCloud):
        yield "", partial(_points_in_memory, np.asarray(objects.vertices))
    elif (points := _array(objects)) is not None:
        yield "", partial(_points_in_memory, points)
    elif isinstance(objects, Iterable):
        for each in objects:
            yield from _find(each)
    else:
        kind = type(objects).__name__
        raise UserError(f"cannot encode {kind}: give paths, meshes of trimesh or (N, 3) arrays of points")


def _array(given: Any) -> NDArray[Any] | None:
    """An array or tensor of one cloud; None for anything else, such as several clouds or many paths."""
    if not hasattr(given, "__array__"):
        return None
    array = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    return None if array.ndim == 3 or (array.ndim == 1 and array.dtype.kind in "OUT") else array


def _on_disk(path: Path) -> Iterator[tuple[str, Read]]:
    if path.is_dir():
        listing = FolderListing.read(path)
        for file in map(path.joinpath, listing.names):
            yield str(file), partial(_file, path, file, is_cloud=not listing.has_meshes)
    elif not path.exists():
        raise UserError(f"{path}: no such file or folder")
    elif kind_of(path) == NO_ROWS:
        raise UserError(f"{path}: {NO_ROWS}; a text file of points has a row for each, with x, y and z")
    elif path.suffix.lower() not in MESHES | CLOUDS:
        raise UserError(f"{path}: not a mesh or a point cloud: {', '.join(sorted(MESHES | CLOUDS))}")
    else:
        yield str(path), partial(_file, path.parent, path, is_cloud=kind_of(path) == CLOUD)


def _file(folder: Path, path: Path, sampling: Sampling, is_cloud: bool) -> UnitCloud:
    """Read a file as the adapter of folders does; its textures are looked for in `folder`."""
    files, name = Files(folder), path.relative_to(folder).as_posix()
    if is_cloud:
        return thin(read_cloud(files.read(name), path.suffix), sampling)
    return sample(files.mesh(name), sampling)


def _mesh_in_memory(given: trimesh.Trimesh | trimesh.Scene, sampling: Sampling) -> UnitCloud:
    found = given.dump() if isinstance(given, trimesh.Scene) else [given]
    meshes = [each for each in found if isinstance(each, trimesh.Trimesh) and len(each.faces)]
    if not meshes:
        raise BadMesh("no faces")
    return sample(Mesh(tuple(Part(each.vertices, each.faces, np.ones(4)) for each in meshes)), sampling)


def _points_in_memory(points: NDArray[Any], sampling: Sampling) -> UnitCloud:
    if points.ndim != 2 or points.shape[1] != 3 or points.dtype.kind not in "fiu":
        raise BadMesh(f"points must be an (N, 3) array of numbers, not {points.shape} {points.dtype}")
    return thin(keep_finite(points.astype(np.float64)), sampling)
