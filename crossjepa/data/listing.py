"""Which files of a folder are the objects of a data set, and digests that tell whether they changed."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from crossjepa.errors import UserError
from crossjepa.files import sha256_file

MESHES = {".3mf", ".dae", ".glb", ".gltf", ".obj", ".off", ".ply", ".stl"}
CLOUDS = {".npy", ".npz", ".pcd", ".ply", ".txt", ".xyz"}


@dataclass(frozen=True)
class FolderListing:
    """The files below a folder that hold its objects.

    Attributes:
        folder: the folder.
        has_meshes: whether the objects are meshes. Then files in the formats of point clouds are ignored.
        files: the objects' files, sorted.
    """

    folder: Path
    has_meshes: bool
    files: tuple[Path, ...]

    @classmethod
    def read(cls, folder: Path) -> "FolderListing":
        """List a folder. PLY files can be either: alone, the first of them decides.

        Raises:
            UserError: if the folder is missing or holds neither meshes nor point clouds.
        """
        known = MESHES | CLOUDS
        found = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in known and not path.name.startswith(".") and path.is_file()
        )
        plys = [path for path in found if path.suffix.lower() == ".ply"]
        sure = any(path.suffix.lower() in MESHES - {".ply"} for path in found)
        has_meshes = sure or (bool(plys) and _has_faces(plys[0]))
        files = tuple(path for path in found if path.suffix.lower() in (MESHES if has_meshes else CLOUDS))
        if not files:
            raise UserError(
                f"{folder}: no such folder, or nothing in it; the `path` of a data set of kind folder must "
                f"hold meshes ({', '.join(sorted(MESHES))}) or point clouds ({', '.join(sorted(CLOUDS))})"
            )
        return cls(folder, has_meshes, files)

    def digest(self) -> str:
        """A digest of the names, sizes and modification times of the objects' files."""
        digest = hashlib.sha256()
        for path in self.files:
            state = path.stat()
            digest.update(f"{path.relative_to(self.folder)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
        return digest.hexdigest()


@cache
def list_folder(folder: Path) -> FolderListing:
    """`FolderListing.read`, but once in a process: the workflow's checks ask for it again and again."""
    return FolderListing.read(folder)


def outline_digest(places: Iterable[Path]) -> str:
    """A digest of the names directly in folders, of the content of lists (`.txt`) there, and of files' sizes.

    For archives and releases that are too large to list completely each time.
    """
    digest = hashlib.sha256()
    for place in places:
        if place.is_dir():
            names = sorted(path.name for path in place.iterdir())
            lists = [sha256_file(place / name) for name in names if name.endswith(".txt")]
            digest.update("\n".join([*names, *lists]).encode() + b"\0")
        else:
            digest.update(f"{place.stat().st_size}\0".encode())
    return digest.hexdigest()


def _has_faces(path: Path) -> bool:
    with path.open("rb") as file:
        faces = re.search(rb"element face (\d+)", file.read(4096))
    return faces is not None and int(faces[1]) > 0
