"""Which files of a folder are meshes, and whether any of them changed."""

import hashlib
from pathlib import Path

from crossjepa.errors import UserError

SUFFIXES = {".glb", ".gltf", ".obj", ".off", ".ply", ".stl"}


def mesh_files(folder: Path) -> list[Path]:
    """The mesh files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds meshes.

    Raises:
        UserError: if it is missing or holds none.
    """
    if not mesh_files(folder):
        raise UserError(
            f"{folder}: no such folder, or no mesh in it; the `path` of a data set of kind folder must hold "
            f"{', '.join(sorted(SUFFIXES))} files"
        )


def listing_digest(folder: Path) -> str:
    """A digest of the names, sizes and times of the mesh files below a folder."""
    digest = hashlib.sha256()
    for path in mesh_files(folder):
        state = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
