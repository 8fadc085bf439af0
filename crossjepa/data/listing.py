"""Which files of a folder are a data set's, and whether any of them changed."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from crossjepa.errors import UserError

MESHES = {".3mf", ".dae", ".glb", ".gltf", ".obj", ".off", ".ply", ".stl"}
CLOUDS = {".npy", ".npz", ".pcd", ".ply", ".txt", ".xyz"}


def holds_meshes(folder: Path) -> bool:
    """Whether a folder's objects are meshes: then its other files are ignored. Otherwise they are clouds.

    A PLY file may be either; where no other file decides, the first one does.
    """
    plys = []
    for path in _files(folder):
        if path.suffix.lower() == ".ply":
            plys.append(path)
        elif path.suffix.lower() in MESHES:
            return True
    return bool(plys) and _has_faces(min(plys))


def object_files(folder: Path) -> list[Path]:
    """The files below a folder that hold its objects, sorted.

    Raises:
        UserError: if the folder is missing or holds none.
    """
    suffixes = MESHES if holds_meshes(folder) else CLOUDS
    found = sorted(path for path in _files(folder) if path.suffix.lower() in suffixes)
    if not found:
        raise UserError(
            f"{folder}: no such folder, or nothing in it; the `path` of a data set of kind folder must hold "
            f"meshes ({', '.join(sorted(MESHES))}) or point clouds ({', '.join(sorted(CLOUDS))})"
        )
    return found


def listing_digest(folder: Path) -> str:
    """A digest of the names, sizes and times of the objects' files below a folder."""
    digest = hashlib.sha256()
    for path in object_files(folder):
        state = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def outline_digest(places: Iterable[Path]) -> str:
    """A digest of the names directly in folders, of what their lists (`.txt`) say, and of files' sizes.

    It is for archives and releases that are too large to be listed whole each time.
    """
    digest = hashlib.sha256()
    for place in places:
        if place.is_dir():
            names = sorted(path.name for path in place.iterdir())
            lists = [place / name for name in names if name.endswith(".txt")]
            digest.update("\n".join([*names, *map(file_digest, lists)]).encode() + b"\0")
        else:
            digest.update(f"{place.stat().st_size}\0".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.name.startswith(".") and path.is_file())


def _has_faces(path: Path) -> bool:
    with path.open("rb") as file:
        faces = re.search(rb"element face (\d+)", file.read(4096))
    return faces is not None and int(faces[1]) > 0
