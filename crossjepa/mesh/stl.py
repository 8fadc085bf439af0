"""STL: facets of three corners each, in text or binary, with colours as VisCAM and Magics add them."""

import re

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import PLAIN, coloured, linear_colours
from crossjepa.mesh.mesh import Mesh, Part
from crossjepa.mesh.numbers import numbers
from crossjepa.mesh.resources import Resources

FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
TEXT = re.compile(rb"\s*solid\b.*?\b(facet\s+normal|end\s*solid)\b", re.IGNORECASE | re.DOTALL)
START = 84  # of a binary file's facets: after a header of 80 bytes and their number


def read_stl(data: bytes, resources: Resources) -> Mesh:
    """Read all facets of all solids, each with corners of its own.

    See https://www.fabbers.com/tech/STL_Format and, for the colours,
    https://en.wikipedia.org/wiki/STL_(file_format)#Color.

    Raises:
        BadMesh: if it ends before its last facet.
    """
    count = int.from_bytes(data[80:84], "little")
    if len(data) != START + FACET.itemsize * count and TEXT.match(data.removeprefix(b"\xef\xbb\xbf")):
        return _mesh(_text_corners(data.lower()), None)
    if len(data) < START + FACET.itemsize * count:
        raise BadMesh(
            f"ends early: {count} facets are counted, {max(len(data) - START, 0) // FACET.itemsize} there"
        )
    if more := (len(data) - START) // FACET.itemsize - count:
        resources.warnings.append(f"{more} facets after the {count} that are counted are not read")
    facets = np.frombuffer(data, FACET, count, offset=START)
    return _mesh(facets["corners"].astype(np.float64), _colours(facets["attribute"], data[:80]))


def _mesh(corners: NDArray[np.float64], colours: NDArray[np.float64] | None) -> Mesh:
    """A mesh of (F, 3, 3) corners and (F, 4) linear colours."""
    if not len(corners):
        return Mesh(())
    faces = np.arange(3 * len(corners)).reshape(-1, 3)
    return Mesh((coloured(Part(corners.reshape(-1, 3), faces, PLAIN), None, colours),))


def _text_corners(text: bytes) -> NDArray[np.float64]:
    """(F, 3, 3) corners of a text in lower case."""
    words = b"".join(re.findall(rb"vertex((?:\s+[-+.\dni]\S*){3})", text))
    values = numbers(words)
    if len(values) != 9 * len(re.findall(rb"end\s*facet", text)):
        raise BadMesh("ends early, or has a facet without three corners")
    return values.reshape(-1, 3, 3)


def _colours(attributes: NDArray[np.uint16], header: bytes) -> NDArray[np.float64] | None:
    """(F, 4) linear colours of facets, or None if the file gives none.

    VisCAM and SolidView set bit 15 of a facet that has a colour, and red has the highest bits. Magics names
    the object's colour in the header and clears bit 15 of a facet with its own, where red has the lowest
    bits; 0, which strictly is black, stands for a facet without a colour, as other programs write it.
    """
    channels = attributes[:, None] >> np.array([10, 5, 0], np.uint16) & 31
    _, magics, rest = header.partition(b"COLOR=")
    if magics and len(rest) >= 4:
        own = (attributes < 0x8000) & (attributes > 0)
        rest_colour = linear_colours(np.frombuffer(rest[:3], np.uint8)[None], 255)
        return np.where(own[:, None], linear_colours(channels[:, ::-1], 31), rest_colour)
    own = attributes >= 0x8000
    return np.where(own[:, None], linear_colours(channels, 31), PLAIN) if own.any() else None
