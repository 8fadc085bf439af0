"""Listing the user's own folder: which files are its objects, and which are passed over and why.

Needs neither trimesh nor pandas, since the workflow imports it in the user's own environment.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from crossjepa.errors import UserError
from crossjepa.files import printable

MESHES = {".3mf", ".dae", ".glb", ".gltf", ".obj", ".off", ".ply", ".stl"}
CLOUDS = {".npy", ".npz", ".pcd", ".ply", ".pts", ".txt", ".xyz"}
COMPANIONS = {  # materials, buffers and textures of meshes
    *(".mtl", ".bin", ".png", ".jpg", ".jpeg", ".webp", ".tga", ".bmp", ".gif", ".tif", ".tiff"),
    *(".ktx2", ".dds", ".hdr", ".exr"),
}
# What a file is: an object of one kind, or of either kind because it is damaged. Else why it is none.
MESH, CLOUD, EITHER, COMPANION = "mesh", "cloud", "either", "companion"
NO_FORMAT, NO_FILE, NO_ROWS = "not a supported format", "not a regular file", "no rows of numbers"
HEADER = 8192  # bytes in which a PLY file's header and a text's first row are looked for
NUMBER = rb"\"?[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf)\"?"
ROW = re.compile(rb"^[ \t]*" + rb"[ \t,;]+".join([NUMBER] * 3) + rb"(?=[ \t,;]|$)", re.MULTILINE | re.I)


@dataclass(frozen=True)
class FolderListing:
    """The files below a folder that hold its objects: meshes or point clouds, whichever are more.

    Attributes:
        folder: the folder.
        has_meshes: whether the objects are meshes. Then point clouds are passed over, and else meshes.
        files: the objects' files, sorted.
        passed_over: how many other files there are and why they are no objects, a line for each kind; without
            the materials, buffers and textures of meshes.
    """

    folder: Path
    has_meshes: bool
    files: tuple[Path, ...]
    passed_over: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "FolderListing":
        """List a folder.

        A PLY file is a mesh if it has faces, a TXT file is a cloud if it has rows of numbers. With as many
        meshes as clouds the objects are the meshes. Links to folders are followed, each folder once.

        Raises:
            UserError: if the folder is missing or holds neither meshes nor point clouds.
        """
        kinds = {path: kind_of(path) for path in sorted(_walk(folder))}
        counts = Counter(kinds.values())
        has_meshes = counts[MESH] >= counts[CLOUD]
        chosen, other = (MESH, CLOUD) if has_meshes else (CLOUD, MESH)
        files = tuple(path for path, kind in kinds.items() if kind in (chosen, EITHER))
        reasons = {other: f"the folder holds {'meshes' if has_meshes else 'point clouds'}"}
        passed = Counter(
            (path.suffix.lower(), reasons.get(kind, kind))
            for path, kind in kinds.items()
            if kind not in (chosen, EITHER, COMPANION)
        )
        told = tuple(f"{n} {_title(suffix)} passed over: {why}" for (suffix, why), n in passed.most_common())
        if not files:
            raise UserError(_nothing(folder, kinds))
        return cls(folder, has_meshes, files, told)

    def digest(self) -> str:
        """A digest of the names, sizes and modification times of the objects' files."""
        states = ((path.relative_to(self.folder), path.stat()) for path in self.files)
        lines = (f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n" for name, state in states)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def list_folder(folder: Path) -> FolderListing:
    """`FolderListing.read`, cached for the process, because the workflow's checks call it repeatedly."""
    return FolderListing.read(folder)


def _walk(folder: Path) -> Iterator[Path]:
    """All files below a folder but hidden ones. Links to folders come last, so that real folders win."""
    seen, waiting = set(), [str(folder)]
    while waiting:
        for where, folders, names in os.walk(waiting.pop(0)):
            real = os.path.realpath(where)
            shown = [] if real in seen else sorted(name for name in folders if not _is_hidden(name))
            links = [path for name in shown if os.path.islink(path := os.path.join(where, name))]
            waiting += [link for link in links if not _holds(os.path.realpath(link), real)]
            folders[:] = shown  # os.walk does not follow the links among them
            if real not in seen:
                yield from (Path(where, name) for name in names if not _is_hidden(name))
            seen.add(real)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _holds(outer: str, inner: str) -> bool:
    """Whether a folder is another one or holds it: a link there would lead in a circle."""
    return os.path.commonpath([outer, inner]) == outer


def kind_of(path: Path) -> str:
    """Whether a file is a mesh, a cloud, either because it is damaged, a companion, or why it is none."""
    suffix = path.suffix.lower()
    if suffix not in MESHES | CLOUDS:
        return COMPANION if suffix in COMPANIONS else NO_FORMAT
    if not path.is_file():
        return NO_FILE
    if suffix not in (".ply", ".txt"):
        return MESH if suffix in MESHES else CLOUD
    try:
        with path.open("rb") as file:
            head = file.read(HEADER)
    except OSError:
        return EITHER
    if suffix == ".txt":
        text = head.replace(b"\0", b"").replace(b"\r", b"\n").lstrip(b"\xef\xbb\xbf\xff\xfe")
        return CLOUD if ROW.search(text) else NO_ROWS
    header, end, _ = head.partition(b"end_header")
    faces = re.search(rb"element\s+(?:face|tristrips)\s+0*[1-9]", header)
    return EITHER if not end else MESH if faces else CLOUD


def _nothing(folder: Path, kinds: Iterable[Path]) -> str:
    """What to say of a folder without any object."""
    suffixes = Counter(path.suffix.lower() for path in kinds)
    there = ", ".join(f"{n} {_title(suffix)}" for suffix, n in suffixes.most_common())
    wanted = f"meshes ({', '.join(sorted(MESHES))}) or point clouds ({', '.join(sorted(CLOUDS))})"
    found = f"holds only {there}" if there else "no such folder, or nothing in it"
    return f"{folder}: {found}; it must hold {wanted}"


def _title(suffix: str) -> str:
    return printable(suffix) or "without suffix"
