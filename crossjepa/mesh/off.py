"""OFF: Geomview's object files, as ModelNet has them, and their kinds with colours and normals."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import PLAIN, coloured, linear_colours
from crossjepa.mesh.mesh import Mesh, Part
from crossjepa.mesh.numbers import numbers
from crossjepa.mesh.polygons import check_corners, runs, triangulate
from crossjepa.mesh.resources import Resources

KEYWORD = re.compile(rb"\s*([A-Za-z0-9]*?)(?:OFF|off)(\s+BINARY[ \t]*(?:\r\n|\n|\r))?")
# Two counts alone on their line, before one with coordinates: the third, of edges, is missing.
TWO_COUNTS = re.compile(rb"\s*\d+[ \t]+\d+(?=[ \t]*[\r\n]\s*\S+[ \t]+\S)")
KIND = re.compile(r"(?P<ST>ST)?(?P<C>C)?(?P<N>N)?")
ENDS_EARLY = "ends early: it holds fewer numbers than it counts"


@dataclass(frozen=True, eq=False)
class Content:
    """The numbers of a file.

    Attributes:
        vertices: (V, numbers of a vertex).
        counts: (F,) corners of each face.
        corners: (sum of counts,) rows of `vertices`.
        colours: (F, 4) linear colours of faces, or None.
    """

    vertices: NDArray[np.float64]
    counts: NDArray[np.int64]
    corners: NDArray[np.int64]
    colours: NDArray[np.float64] | None


def read_off(data: bytes, resources: Resources) -> Mesh:
    """Read faces, with the colours of vertices or else of faces.

    Colours are sRGB in 0..255 or, if none is above 1, in 0..1. The keyword may be missing, and the counts may
    follow it without a space, as in some of ModelNet's files. See http://www.geomview.org/docs/html/OFF.html.

    Raises:
        BadMesh: if it has not three dimensions, ends early, or a face has a vertex that does not exist.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    keyword = KEYWORD.match(data)
    if b"#" in data and not (keyword and keyword[2]):
        data = re.sub(rb"#[^\r\n]*", b"", data)
        keyword = KEYWORD.match(data)
    if keyword is None and not re.match(rb"\s*\d", data):
        raise BadMesh("not an OFF file: it begins neither with OFF nor with counts")
    word = keyword[1].decode() if keyword else ""
    kind = KIND.fullmatch(word)
    if kind is None:
        raise BadMesh(f"{word}OFF is not supported: only OFF with the prefixes ST, C and N, in this order")
    body = data[keyword.end() :] if keyword else data
    plain = 3 + 3 * bool(kind["N"]) + 2 * bool(kind["ST"])  # numbers of a vertex but for its colour
    read = _binary if keyword and keyword[2] else _text
    content = read(body, plain, bool(kind["C"]))
    points = content.vertices[:, :3]
    check_corners(content.corners, len(points))
    triangles, owners = triangulate(points, content.counts, content.corners)
    if not len(triangles):
        return Mesh(())
    size = content.vertices.shape[1] - plain
    if size and not kind["C"]:
        resources.warnings.append(f"{size} numbers after each vertex are not read: {word}OFF has none")
    first = 3 + 3 * bool(kind["N"])
    vertices = content.vertices[:, first : first + size] if kind["C"] and size in (3, 4) else None
    colours = None if vertices is None else _linear(vertices)
    face_colours = None if content.colours is None else content.colours[owners]
    return Mesh((coloured(Part(points, content.corners[triangles], PLAIN), colours, face_colours),))


def _linear(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    return linear_colours(colours, 255 if colours.max() > 1 else 1)


def _text(text: bytes, plain: int, coloured: bool) -> Content:
    """A file in text: its lines matter only where they tell how many numbers a colour has."""
    if header := TWO_COUNTS.match(text):
        text = header[0] + b" 0" + text[header.end() :]
    words = numbers(text)
    vertices, faces = _counts(words)
    firsts, lengths = _lines(text, len(words))
    width = plain + 4 * coloured
    widths = lengths[_own_lines(firsts, 3, vertices)]
    if len(widths) and (widths == widths[0]).all() and widths[0] >= plain:
        width = int(widths[0])
    at = 3 + vertices * width
    if at + faces > len(words):
        raise BadMesh(ENDS_EARLY)
    lines = _own_lines(firsts, at, faces)
    places = firsts[lines]
    counts = words[places].astype(np.int64)
    rests = lengths[lines] - 1 - counts
    if len(lines) < faces or (counts < 0).any() or (rests < 0).any():
        places, counts, rests = _walk(words, at, faces, coloured=False)
    corners = words[runs(places + 1, counts)].astype(np.int64)
    table = words[3:at].reshape(vertices, width)
    return Content(table, counts, corners, _face_colours(words, places + 1 + counts, rests))


def _binary(body: bytes, plain: int, coloured: bool) -> Content:
    """A file of big-endian integers and floats, where each face's colour follows its number of numbers."""
    words = np.frombuffer(body, ">i4", len(body) // 4)
    vertices, faces = _counts(words)
    width = plain + 4 * coloured
    at = 3 + vertices * width
    if at + faces > len(words):
        raise BadMesh(ENDS_EARLY)
    places, counts, rests = _walk(words, at, faces, coloured=True)
    corners = words[runs(places + 1, counts)].astype(np.int64)
    floats = words.view(">f4").astype(np.float64)
    table = floats[3:at].reshape(vertices, width)
    return Content(table, counts, corners, _face_colours(floats, places + 2 + counts, rests))


def _counts(words: NDArray[Any]) -> tuple[int, int]:
    """The numbers of vertices and faces; a file's first two."""
    if len(words) < 3:
        raise BadMesh("not an OFF file: it does not begin with counts")
    vertices, faces = words[:2].tolist()
    if not (vertices >= 0 and faces >= 0 and vertices == int(vertices) and faces == int(faces)):
        raise BadMesh(f"{vertices} vertices and {faces} faces are counted")
    return int(vertices), int(faces)


def _lines(text: bytes, words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first word of each line that is not empty, and the line's number of words."""
    raw = np.frombuffer(text, np.uint8)
    blank = raw <= ord(" ")
    starts = np.flatnonzero(~blank & np.append(True, blank[:-1]))
    if len(starts) != words:  # numbers without a space between them
        starts = starts[:0]
    line = np.searchsorted(np.flatnonzero((raw == ord("\n")) | (raw == ord("\r"))), starts)
    firsts = np.flatnonzero(np.diff(line, prepend=-1))
    return firsts, np.diff(firsts, append=len(starts))


def _own_lines(firsts: NDArray[np.int64], word: int, count: int) -> NDArray[np.int64]:
    """The `count` lines that begin with this word, or none if it begins no line or the lines are fewer."""
    line = int(np.searchsorted(firsts, word))
    if line + count > len(firsts) or not count or firsts[line] != word:
        return np.zeros(0, np.int64)
    return np.arange(line, line + count)


def _walk(
    words: NDArray[Any], at: int, faces: int, coloured: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each face's place, number of corners, and numbers of colour if their number follows the corners."""
    rest = words[at:].tolist()
    place, found = 0, []
    try:
        for _ in range(faces):
            corners = int(rest[place])
            colours = int(rest[place + 1 + corners]) if coloured else 0
            if corners < 0 or colours < 0:
                raise BadMesh("a face has a negative number of corners")
            found.append((at + place, corners, colours))
            place += 1 + corners + coloured + colours
    except IndexError as error:
        raise BadMesh(ENDS_EARLY) from error
    if place > len(rest):
        raise BadMesh(ENDS_EARLY)
    if place < len(rest) and not coloured:
        raise BadMesh("it holds more numbers than it counts, and its lines do not tell which are colours")
    places, counts, rests = np.array(found, np.int64).reshape(-1, 3).T
    return places, counts, rests


def _face_colours(
    words: NDArray[np.float64], places: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """(F, 4) linear colours of 3 or 4 numbers from these places on; None if no face has one."""
    given = (sizes == 3) | (sizes == 4)
    if not given.any():
        return None
    places, with_alpha = places[given], sizes[given] == 4
    colours = np.zeros((len(places), 4))
    colours[:, :3] = words[places[:, None] + np.arange(3)]
    colours[with_alpha, 3] = words[places[with_alpha] + 3]
    colours[~with_alpha, 3] = 255 if colours.max() > 1 else 1
    linear = np.tile(PLAIN, (len(sizes), 1))
    linear[given] = _linear(colours)
    return linear
