"""PLY: Stanford's polygons, with a texture or colours as scanners and modellers add them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import MISSING, PLAIN, WHITE, coloured, linear_colours, with_alpha
from crossjepa.mesh.mesh import Mesh, Part, Texture
from crossjepa.mesh.ply_elements import Element, read_elements
from crossjepa.mesh.polygons import check_corners, triangulate
from crossjepa.mesh.resources import Resources

CHANNELS = (
    ("red", "green", "blue", "alpha"),
    ("diffuse_red", "diffuse_green", "diffuse_blue", "diffuse_alpha"),
    ("r", "g", "b", "a"),
)
COORDINATES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
NO_ROWS = Element()
NO_LISTS = (np.zeros(0, np.int64), np.zeros(0))


def read_ply_points(data: bytes) -> NDArray[np.float64]:
    """The (N, 3) vertices of a PLY file, in the precision that it holds.

    Raises:
        BadMesh: if it is damaged or its vertices have no x, y and z.
    """
    return _positions(read_elements(data)[0].get("vertex", NO_ROWS))


def read_ply(data: bytes, resources: Resources) -> Mesh:
    """Read faces or triangle strips; a file without any is an empty mesh.

    A texture that can be had is drawn alone. Otherwise colours are those of the vertices, or those of the
    faces if all vertices have the same one. They are sRGB: ushort in 0..65535, other integers in 0..255,
    float in 0..1 or, if one is above 2, in 0..255.

    Raises:
        BadMesh: if it is damaged, or a face has a vertex that does not exist.
    """
    elements, comments = read_elements(data)
    vertex, face = elements.get("vertex", NO_ROWS), elements.get("face", NO_ROWS)
    points = _positions(vertex)
    counts, corners = _polygons(face, elements.get("tristrips", NO_ROWS))
    check_corners(corners, len(points))
    triangles, owners = triangulate(points, counts, corners)
    if not len(triangles):
        return Mesh(())
    names = [line[11:].strip() for line in comments if line.lower().startswith("texturefile")]
    uv = _vertex_coordinates(vertex)
    rows: NDArray[np.int64] | slice = slice(None)
    if names and face.lists.get("texcoord", NO_LISTS)[0].any():
        rows, corners, uv = _split(counts, corners, *face.lists["texcoord"])
    if "material" in elements:
        resources.warnings.append("materials of a PLY file are not read")
    normals, colours, face_colours = _normals(vertex), _colours(vertex), _colours(face)
    if face_colours is not None and colours is not None and (colours == colours[0]).all():
        colours = None
    part = coloured(
        Part(points[rows], corners[triangles], PLAIN, normals=None if normals is None else normals[rows]),
        None if colours is None else colours[rows],
        None if face_colours is None else face_colours[owners],
    )
    if uv is None or not names:
        resources.warnings.extend(f"texture {name} has no coordinates" for name in names)
        return Mesh((part,))
    numbers = face.scalars.get("texnumber", np.zeros(len(counts)))[owners]
    return Mesh(tuple(_textured(part, uv, names, numbers.astype(np.int64), resources)))


def _positions(vertex: Element) -> NDArray[np.float64]:
    points = _columns(vertex, ("x", "y", "z"))
    if points is None:
        raise BadMesh("its vertices have no x, y and z")
    return points


def _columns(element: Element, names: Sequence[str]) -> NDArray[np.float64] | None:
    """(N, names) numbers, or None if the element has not all of them."""
    if not all(name in element.scalars for name in names):
        return None
    return np.stack([element.scalars[name].astype(np.float64) for name in names], axis=1)


def _polygons(face: Element, strips: Element) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The (P,) numbers of corners of all polygons, and their corners."""
    for name in ("vertex_indices", "vertex_index"):
        if name in face.lists:
            counts, corners = face.lists[name]
            return counts, corners.astype(np.int64)
        if name in strips.lists:
            corners = _unstrip(*strips.lists[name]).reshape(-1)
            return np.full(len(corners) // 3, 3), corners
    if face.scalars or face.lists:
        raise BadMesh("its faces have no vertex_indices")
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _unstrip(counts: NDArray[np.int64], values: NDArray[np.number]) -> NDArray[np.int64]:
    """(F, 3) triangles of strips, which -1 parts; every second one of a strip is wound the other way."""
    strips = np.append(np.insert(values.astype(np.int64), np.cumsum(counts), -1), [-1, -1])
    places = np.arange(len(strips))
    first = np.maximum.accumulate(np.where(strips < 0, places + 1, 0))
    triangles = np.lib.stride_tricks.sliding_window_view(strips, 3).copy()
    odd = (places - first)[:-2] % 2 == 1
    triangles[odd] = triangles[odd][:, [1, 0, 2]]
    a, b, c = triangles.T
    return triangles[(triangles >= 0).all(axis=1) & (a != b) & (b != c) & (c != a)]


def _normals(vertex: Element) -> NDArray[np.float64] | None:
    """(V, 3) unit normals, or None if some have no direction."""
    normals = _columns(vertex, ("nx", "ny", "nz"))
    if normals is None:
        return None
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / lengths if (lengths > 0).all() else None


def _colours(element: Element) -> NDArray[np.float64] | None:
    """(N, 4) linear colours, or None."""
    for names in CHANNELS:
        numbers = _columns(element, names)
        if numbers is None:
            numbers = _columns(element, names[:3])
        if numbers is not None:
            kind = element.declared[names[0]]
            most = 65535 if kind == np.uint16 else 255
            if kind.kind == "f" and not numbers.max() > 2:  # some write 0..255 as float
                most = 1
            return linear_colours(numbers, most)
    return None


def _vertex_coordinates(vertex: Element) -> NDArray[np.float64] | None:
    found = (_columns(vertex, names) for names in COORDINATES)
    return next((uv for uv in found if uv is not None), None)


def _split(
    counts: NDArray[np.int64],
    corners: NDArray[np.int64],
    lengths: NDArray[np.int64],
    values: NDArray[np.number],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """One vertex for each pair of a corner's vertex and its texture coordinates.

    Args:
        counts: (P,) corners of each polygon.
        corners: (C,) vertices.
        lengths: (P,) numbers of each polygon's texture coordinates: two a corner, or none.
        values: the coordinates, one polygon after another.

    Returns:
        The (V,) old vertex of each new one, the (C,) new corners, and the (V, 2) coordinates.
    """
    given = lengths == 2 * counts
    uv = np.zeros((len(corners), 2))
    uv[np.repeat(given, counts)] = values[np.repeat(given, lengths)].reshape(-1, 2)
    _, kinds = np.unique(uv.view(np.complex128)[:, 0], return_inverse=True)
    _, first, new = np.unique(corners * len(uv) + kinds, return_index=True, return_inverse=True)
    return corners[first], new, uv[first]


def _textured(
    part: Part, uv: NDArray[np.float64], names: list[str], numbers: NDArray[np.int64], resources: Resources
) -> Iterator[Part]:
    """The part in pieces, one for each texture; `numbers` are those of its faces' textures."""
    for number in np.unique(numbers):
        chosen = numbers == number
        piece = replace(part, faces=part.faces[chosen])
        if part.face_colours is not None:
            piece = replace(piece, face_colours=part.face_colours[chosen])
        image = resources.image(names[number]) if 0 <= number < len(names) else None
        if image is not None:
            plain = replace(piece, factor=WHITE, vertex_colours=None, face_colours=None)
            yield with_alpha(replace(plain, texture=Texture(image, uv)))
        elif part.vertex_colours is None and part.face_colours is None:
            yield replace(piece, factor=MISSING)
        else:
            yield piece
