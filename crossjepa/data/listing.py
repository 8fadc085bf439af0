"""Listing the user's own folder: which files are its objects, and which are passed over and why.

Needs neither trimesh nor pandas, since the workflow imports it in the user's own environment.
"""

import hashlib
import os
import re
from collections import Counter, deque
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
        names: the objects' paths in the folder, with forward slashes, sorted by their parts.
        passed_over: how many other files there are and why they are no objects, a line for each kind; without
            the materials, buffers and textures of meshes.
    """

    folder: Path
    has_meshes: bool
    names: tuple[str, ...]
    passed_over: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "FolderListing":
        """List a folder.

        A PLY file is a mesh if it has faces, a TXT file is a cloud if it has rows of numbers. With as many
        meshes as clouds the objects are the meshes. Links to folders are followed, each folder once.

        Raises:
            UserError: if the folder is missing or holds neither meshes nor point clouds.
        """
        start = len(os.path.join(folder, ""))
        found = sorted((entry.path[start:].replace(os.sep, "\0"), entry) for entry in _walk(folder))
        kinds = {name.replace("\0", "/"): kind_of(entry) for name, entry in found}
        counts = Counter(kinds.values())
        has_meshes = counts[MESH] >= counts[CLOUD]
        chosen, other = (MESH, CLOUD) if has_meshes else (CLOUD, MESH)
        names = tuple(name for name, kind in kinds.items() if kind in (chosen, EITHER))
        reasons = {other: f"the folder holds {'meshes' if has_meshes else 'point clouds'}"}
        passed = Counter(
            (_suffix(name), reasons.get(kind, kind))
            for name, kind in kinds.items()
            if kind not in (chosen, EITHER, COMPANION)
        )
        told = tuple(f"{n} {_title(suffix)} passed over: {why}" for (suffix, why), n in passed.most_common())
        if not names:
            raise UserError(_nothing(folder, kinds))
        return cls(folder, has_meshes, names, told)

    def digest(self) -> str:
        """A digest of the names, sizes and modification times of the objects' files."""
        states = ((name, os.stat(os.path.join(self.folder, name))) for name in self.names)
        lines = (f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n" for name, state in states)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def list_folder(folder: Path) -> FolderListing:
    """`FolderListing.read`, cached for the process, because the workflow's checks call it repeatedly."""
    return FolderListing.read(folder)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All files below a folder but hidden ones. Links to folders come last, so that real folders win.

    An entry knows its kind from the folder's own listing, which spares a call for each file.
    """
    seen, waiting, links = set(), [os.fspath(folder)], deque[str]()
    while waiting or links:
        where = waiting.pop() if waiting else links.popleft()
        real = os.path.realpath(where)
        if real in seen:
            continue
        seen.add(real)
        folders, linked = [], []
        for entry in _entries(where):
            if not entry.is_dir():
                yield entry
            elif not entry.is_symlink():
                folders.append(entry.path)
            elif not _holds(os.path.realpath(entry.path), real):
                linked.append(entry.path)
        waiting += sorted(folders, reverse=True)
        links += sorted(linked)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What lies directly in a folder but hidden entries; nothing if it cannot be read."""
    try:
        return [entry for entry in os.scandir(folder) if not _is_hidden(entry.name)]
    except OSError:
        return []


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _holds(outer: str, inner: str) -> bool:
    """Whether a folder is another one or holds it: a link there would lead in a circle."""
    return os.path.commonpath([outer, inner]) == outer


def kind_of(path: "Path | os.DirEntry[str]") -> str:
    """Whether a file is a mesh, a cloud, either because it is damaged, a companion, or why it is none."""
    suffix = _suffix(path.name)
    if suffix not in MESHES | CLOUDS:
        return COMPANION if suffix in COMPANIONS else NO_FORMAT
    if not path.is_file():
        return NO_FILE
    if suffix not in (".ply", ".txt"):
        return MESH if suffix in MESHES else CLOUD
    try:
        with open(path, "rb") as file:
            head = file.read(HEADER)
    except OSError:
        return EITHER
    if suffix == ".txt":
        text = head.replace(b"\0", b"").replace(b"\r", b"\n").lstrip(b"\xef\xbb\xbf\xff\xfe")
        return CLOUD if ROW.search(text) else NO_ROWS
    header, end, _ = head.partition(b"end_header")
    faces = re.search(rb"element\s+(?:face|tristrips)\s+0*[1-9]", header)
    return EITHER if not end else MESH if faces else CLOUD


def _suffix(name: str) -> str:
    suffix = os.path.splitext(name)[1].lower()
    return "" if suffix == "." else suffix


def _nothing(folder: Path, names: Iterable[str]) -> str:
    """What to say of a folder without any object."""
    suffixes = Counter(map(_suffix, names))
    there = ", ".join(f"{n} {_title(suffix)}" for suffix, n in suffixes.most_common())
    wanted = f"meshes ({', '.join(sorted(MESHES))}) or point clouds ({', '.join(sorted(CLOUDS))})"
    found = f"holds only {there}" if there else "no such folder, or nothing in it"
    return f"{folder}: {found}; it must hold {wanted}"


def _title(suffix: str) -> str:
    return printable(suffix) or "without suffix"
