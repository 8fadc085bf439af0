"""Wavefront OBJ.

Source: appendix B1 of the Advanced Visualizer's manual, https://paulbourke.net/dataformats/obj/
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import GREY, with_alpha
from crossjepa.mesh.corners import weld
from crossjepa.mesh.mesh import Mesh, Part, Texture, to_linear
from crossjepa.mesh.mtl import Material, read_libraries
from crossjepa.mesh.polygons import triangulate
from crossjepa.mesh.resources import Resources
from crossjepa.mesh.statements import Statements

NONE = Material()


def read_obj(data: bytes, resources: Resources) -> Mesh:
    """Read an OBJ file: one part for each material, the last one first. Lines and points are passed over.

    Raises:
        BadMesh: if a face is damaged or refers to a vertex that is not there, or there are free-form
            surfaces.
    """
    text = Statements(data)
    if len(text.rows("surf")):
        raise BadMesh("free-form surfaces (surf) are not supported")
    table = _read_table(text)
    corners, counts = text.corners()
    corners = _absolute(corners, counts, text, table, resources)
    triangles, polygons = _triangles(table.points, corners[:, 0], counts)
    names, used = _used_materials(text)
    materials, image = read_libraries(text.words("mtllib"), resources), cache(resources.image)
    unknown = [name for name in names if name and name not in materials]
    if materials and unknown and table.colours is None:
        resources.warnings.append(
            f"no library has the material {unknown[0]}"
            + (f" and {len(unknown) - 1} more" if unknown[1:] else "")
        )
    mixed = np.bincount(used, counts != 4, len(names)) > 0
    parts = []
    for group in _groups(used[polygons]):
        number = used[polygons[group[0]]]
        material = materials.get(names[number], NONE)
        chosen = _ordered(corners[triangles[group]], not mixed[number])
        if not material.image and (chosen[..., 1] < 0).any():
            chosen[..., 1] = -1  # texture coordinates of some corners would only part vertices
        parts.append(with_alpha(_dressed(*_shape(chosen, table), material, image)))
    return Mesh(tuple(parts[::-1]))


@dataclass(frozen=True, eq=False)
class _Table:
    """What the corners of faces refer to.

    Attributes:
        points: (V, 3).
        colours: (V, 4) linear, or None.
        uv: (T + 1, 2); the last row is for corners without.
        normals: (N, 3).
    """

    points: NDArray[np.float64]
    colours: NDArray[np.float64] | None
    uv: NDArray[np.float64]
    normals: NDArray[np.float64]


def _read_table(text: Statements) -> _Table:
    vertices = text.numbers("v", 6)
    uv, normals = np.nan_to_num(text.numbers("vt", 2)), np.nan_to_num(text.numbers("vn", 3))
    return _Table(vertices[:, :3], _vertex_colours(vertices[:, 3:]), np.append(uv, [[0, 0]], axis=0), normals)


def _vertex_colours(rgb: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Linear colours from sRGB in 0..1 or, as some write, 0..255; a vertex without one is grey."""
    missing = np.isnan(rgb.sum(axis=1))
    if missing.all():
        return None
    rgb = rgb / 255 if np.nanmax(rgb) > 1 else rgb
    rgb = np.where(missing[:, None], GREY, rgb.clip(0, 1))
    return to_linear(np.insert(rgb, 3, 1.0, axis=1))


def _absolute(
    corners: NDArray[np.int64],
    counts: NDArray[np.int64],
    text: Statements,
    table: _Table,
    resources: Resources,
) -> NDArray[np.int64]:
    """References of corners as rows of the table, -1 where there is none.

    Negative numbers count backwards from their own line.
    """
    faces, rows = text.rows("f"), np.empty_like(corners)
    for field, (keyword, array) in enumerate(
        zip(("v", "vt", "vn"), (table.points, table.uv[:-1], table.normals), strict=True)
    ):
        number = corners[:, field]
        before = np.repeat(np.searchsorted(text.rows(keyword), faces), counts)
        row = np.where(number < 0, before + number, number - 1)
        outside = (row < 0) | (row >= len(array))
        if field == 0 and outside.any():
            raise BadMesh(f"a face refers to vertex {number[outside][0]} of {len(array)}")
        if (outside & (number != 0)).any():
            resources.warnings.append(f"faces refer to {keyword} that are not there")
        rows[:, field] = np.where(outside, -1, row)
    if not np.isfinite(table.points[rows[:, 0]]).all():
        raise BadMesh("a vertex of a face has no finite coordinates")
    return rows


def _triangles(
    points: NDArray[np.float64], corners: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Triangles as positions in the corners, and their polygons.

    The second half of a quad begins at its other end. Points are sampled by the order of corners: this one
    is trimesh's, so that a seed gives the points that it always gave.
    """
    triangles, polygons = triangulate(points, counts, corners)
    second = (counts[polygons] == 4) & (np.append(-1, polygons[:-1]) == polygons)
    triangles[second] = np.roll(triangles[second], -1, axis=1)
    return triangles, polygons


def _ordered(corners: NDArray[np.int64], quads: bool) -> NDArray[np.int64]:
    """The triangles (F, 3, 3) of a part: of quads whose corners are all alike, first all first halves, then
    all second ones, as trimesh orders them (see `_triangles`)."""
    if quads and ((corners < 0) == (corners[:1, :1] < 0)).all():
        return np.concatenate([corners[::2], corners[1::2]])
    return corners


def _used_materials(text: Statements) -> tuple[list[str], NDArray[np.int64]]:
    """Names of materials, and which one each face has."""
    words = ["", *text.words("usemtl")]
    number = {name: number for number, name in enumerate(dict.fromkeys(words))}
    numbers = np.array([number[name] for name in words])
    return list(number), numbers[np.searchsorted(text.rows("usemtl"), text.rows("f"))]


def _groups(keys: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Positions of equal keys, by first appearance."""
    if not len(keys):
        return []
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    groups = np.split(np.argsort(keys, kind="stable"), np.cumsum(counts)[:-1])
    return [groups[position] for position in np.argsort(first)]


def _shape(corners: NDArray[np.int64], table: _Table) -> tuple[Part, NDArray[np.float64] | None]:
    """The part whose triangles have these (F, 3, 3) references, and texture coordinates of its vertices.

    Corners with equal references share a vertex; vertices keep the file's order.
    """
    flat = corners.reshape(-1, 3)
    first, faces = weld(*flat.T)
    vertex, uv, normal = flat[first].T
    part = Part(
        vertices=table.points[vertex],
        faces=faces.reshape(-1, 3),
        factor=np.ones(4),
        vertex_colours=None if table.colours is None else table.colours[vertex],
        normals=table.normals[normal] if (normal >= 0).all() else None,
    )
    return part, table.uv[uv] if (uv >= 0).any() else None


def _dressed(
    part: Part,
    uv: NDArray[np.float64] | None,
    material: Material,
    read_image: Callable[[str], NDArray[np.uint8] | None],
) -> Part:
    """The part in its material.

    An image is drawn alone, because exporters write any `Kd` beside it. Vertex colours stand for a grey `Kd`,
    which exporters write beside them; a coloured one tints them.
    """
    image = read_image(material.image) if material.image and uv is not None else None
    if image is not None and uv is not None:
        texture = Texture(image, uv * material.scale + material.offset, (material.wrap, material.wrap))
        factor = np.array([1, 1, 1, material.opacity])
        return replace(part, texture=texture, factor=factor, vertex_colours=None)
    rgb = np.array(material.colour or (GREY,) * 3)
    if material.image and uv is not None and (rgb == rgb[0]).all() and rgb[0] in (0, 1):
        rgb[:] = GREY  # what stands beside a map that cannot be had is no colour
    if part.vertex_colours is not None and np.ptp(rgb) == 0:
        rgb = np.ones(3)
    rgb = np.round(rgb.clip(0, 1) * 255) / 255  # as fine as an image
    return replace(part, factor=to_linear(np.append(rgb, material.opacity)))
