"""The parts of an Open Packaging container: the zip archive that a 3MF file is."""

import io
import posixpath
import zipfile
from urllib.parse import unquote

from crossjepa.errors import BadMesh
from crossjepa.mesh.xml import parse_xml

MOST_BYTES = 2**30  # unpacked, of all parts that are read
MOST_RATIO = 300  # unpacked to packed, of a part of more than a mebibyte; meshes have about 10


class Package:
    """Reads the parts of a package by name, without regard to case.

    Raises:
        BadMesh: if it is no zip archive.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except zipfile.BadZipFile as error:
            raise BadMesh(f"not a zip archive: {error}") from error
        self._members = {info.filename.lower().lstrip("/"): info for info in self._archive.infolist()}
        self._left = MOST_BYTES

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._members

    def read(self, name: str) -> bytes:
        """A part's bytes.

        Raises:
            BadMesh: if it is missing or damaged, or would be too large.
        """
        info = self._members.get(name.lower())
        if info is None:
            raise BadMesh(f"{name} is missing in the archive")
        if info.file_size > max(2**20, MOST_RATIO * info.compress_size) or info.file_size > self._left:
            raise BadMesh(f"{name} would unpack from {info.compress_size} to {info.file_size} bytes")
        self._left -= info.file_size
        try:
            return self._archive.read(info)
        except Exception as error:  # zipfile and its decompressors raise all kinds of errors
            raise BadMesh(f"{name} is damaged: {error}") from error

    def root(self, kind: str) -> str:
        """Name of the part to begin with: the target of the relationship whose type ends in `kind`.

        Raises:
            BadMesh: if there is none.
        """
        for relation in parse_xml(self.read("_rels/.rels")):
            if relation.get("Type", "").endswith(kind):
                return part_name(relation.get("Target", ""))
        raise BadMesh(f"no {kind} in the archive")


def part_name(target: str, base: str = "") -> str:
    """The name of the part that a reference means, from the name of the part that holds it."""
    path = posixpath.join("/", posixpath.dirname(base), unquote(target).replace("\\", "/"))
    return posixpath.normpath(path).lstrip("/")
