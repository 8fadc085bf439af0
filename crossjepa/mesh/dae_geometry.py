"""Triangles of meshes in COLLADA files.

Source: the COLLADA 1.4.1 and 1.5.0 specifications, https://www.khronos.org/collada/
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.corners import weld
from crossjepa.mesh.numbers import floats, integers
from crossjepa.mesh.polygons import triangulate, triangulate_with_holes
from crossjepa.mesh.xml import local_name

Elements = dict[str, etree._Element]
Input = tuple[int, NDArray[np.float64]]  # offset in a corner's indices, and the (N, k) values


@dataclass(frozen=True, eq=False)
class Primitive:
    """Triangles with one material.

    Attributes:
        points: (V,) rows of the mesh's positions.
        faces: (F, 3) rows of `points`.
        symbol: by which a material is bound.
        normals: (V, 3), or None.
        colours: (V, 3 or 4) sRGB, or None.
        uv: (V, 2) by the number of their set.
    """

    points: NDArray[np.int64]
    faces: NDArray[np.int64]
    symbol: str
    normals: NDArray[np.float64] | None
    colours: NDArray[np.float64] | None
    uv: dict[int, NDArray[np.float64]]


def source(elements: Elements, reference: str) -> NDArray[np.float64]:
    """The (N, k) values of a <source>.

    Raises:
        BadMesh: if it is missing, or shorter than it claims.
    """
    element = elements.get(reference.lstrip("#"))
    accessor = None if element is None else element.find("{*}technique_common/{*}accessor")
    if element is None or accessor is None:
        raise BadMesh(f"source {reference} is missing")
    array = elements.get(accessor.get("source", "").lstrip("#"))
    values = floats((array.text if array is not None else None) or "")
    params = accessor.findall("{*}param")
    named = [column for column, param in enumerate(params) if param.get("name")]
    stride, count = int(accessor.get("stride", 1)), int(accessor.get("count", 0))
    values = values[int(accessor.get("offset", 0)) :]
    if not 0 <= (count - 1) * stride + max(named, default=0) < len(values) and count:
        raise BadMesh(f"source {reference} has {len(values)} numbers instead of {count} x {stride}")
    rows = np.append(values, np.zeros(stride))[: count * stride].reshape(count, stride)
    if width := sum({"float4x4": 16}.get(param.get("type", ""), 0) for param in params):
        return rows[:, :width]
    return rows[:, named] if named else rows


def words(elements: Elements, reference: str) -> list[str]:
    """The names or ids in a <source>; none if it is missing."""
    element = elements.get(reference.lstrip("#"))
    accessor = None if element is None else element.find("{*}technique_common/{*}accessor")
    array = None if accessor is None else elements.get(accessor.get("source", "").lstrip("#"))
    return [] if array is None else (array.text or "").split()


def positions(elements: Elements, mesh: etree._Element) -> NDArray[np.float64]:
    """The (N, 3) positions of a mesh."""
    for entry in mesh.iterfind("{*}vertices/{*}input"):
        if entry.get("semantic") == "POSITION":
            return source(elements, entry.get("source", ""))
    return np.zeros((0, 3))


def primitives(elements: Elements, mesh: etree._Element) -> Iterator[Primitive]:
    """The triangles of a mesh; lines are passed over.

    Raises:
        BadMesh: if it is damaged.
    """
    points = positions(elements, mesh)
    for element in mesh:
        if local_name(element) in ("triangles", "polylist", "polygons", "trifans", "tristrips"):
            primitive = _primitive(elements, mesh, element, points)
            if len(primitive.faces):
                yield primitive


def _inputs(
    elements: Elements, mesh: etree._Element, element: etree._Element
) -> dict[tuple[str, int], Input]:
    """The inputs of a primitive by semantic and set, those of its vertices among them."""
    inputs: dict[tuple[str, int], Input] = {}
    for entry in element.iterfind("{*}input"):
        offset, number = int(entry.get("offset", 0)), int(entry.get("set", 0))
        shared = entry.get("semantic") == "VERTEX"
        for inner in mesh.iterfind("{*}vertices/{*}input") if shared else [entry]:
            key = (inner.get("semantic", ""), int(inner.get("set", number)))
            if key[0] in ("POSITION", "NORMAL", "TEXCOORD", "COLOR"):
                inputs.setdefault(key, (offset, source(elements, inner.get("source", ""))))
    return inputs


def _primitive(
    elements: Elements, mesh: etree._Element, element: etree._Element, points: NDArray[np.float64]
) -> Primitive:
    inputs = _inputs(elements, mesh, element)
    if (place := inputs.get(("POSITION", 0))) is None:
        raise BadMesh("triangles have no positions")
    stride = max(int(entry.get("offset", 0)) for entry in element.iterfind("{*}input")) + 1
    corners, triangles = _cut(element, stride, place[0], points)
    flat = corners[triangles.ravel()]
    for (semantic, _), (offset, values) in inputs.items():
        column = flat[:, offset]
        if len(column) and not 0 <= column.min() <= column.max() < len(values):
            raise BadMesh(f"a triangle refers to a {semantic} that is not there ({len(values)} are)")
    first, faces = weld(*(flat[:, offset] for offset in dict.fromkeys(o for o, _ in inputs.values())))
    rows = {key: values[flat[first, offset]] for key, (offset, values) in inputs.items()}
    of = {semantic: value for (semantic, _), value in reversed(rows.items())}
    return Primitive(
        points=flat[first, place[0]],
        faces=faces.reshape(-1, 3),
        symbol=element.get("material", ""),
        normals=of.get("NORMAL"),
        colours=of.get("COLOR"),
        uv={number: value[:, :2] for (semantic, number), value in rows.items() if semantic == "TEXCOORD"},
    )


def _cut(
    element: etree._Element, stride: int, position: int, points: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The (C, stride) indices of a primitive's corners, and its triangles as (F, 3) positions in them."""
    texts = [[p.text or ""] for p in element.iterfind("{*}p")]
    texts += [[loop.text or "" for loop in holed] for holed in element.iterfind("{*}ph")]
    polygons = [[_rows(text, stride) for text in loops] for loops in texts]
    corners = np.concatenate([np.zeros((0, stride), np.int64), *(loop for ps in polygons for loop in ps)])
    if len(corners) and not 0 <= corners[:, position].min() <= corners[:, position].max() < len(points):
        raise BadMesh(f"a triangle refers to a POSITION that is not there ({len(points)} are)")
    kind, sizes = local_name(element), [sum(map(len, loops)) for loops in polygons]
    if kind == "triangles":
        return corners, np.arange(len(corners) // 3 * 3).reshape(-1, 3)
    if kind == "polylist":
        counts = integers(element.findtext("{*}vcount") or "")
        if counts.sum() != len(corners) or counts.min(initial=0) < 0:
            raise BadMesh(f"a polylist has {len(corners)} corners instead of {counts.sum()}")
        return corners, triangulate(points, counts, corners[:, position])[0]
    cut: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
    for start, loops in zip(np.cumsum([0, *sizes]), polygons, strict=False):
        cut.append(start + _triangles(kind, [points[loop[:, position]] for loop in loops]))
    return corners, np.concatenate(cut)


def _rows(text: str, stride: int) -> NDArray[np.int64]:
    values = integers(text)
    if len(values) % stride:
        raise BadMesh(f"{len(values)} indices cannot be parted among corners of {stride}")
    return values.reshape(-1, stride)


def _triangles(kind: str, loops: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """The triangles of a fan, a strip or a polygon with holes, as (F, 3) positions in its corners."""
    size = len(loops[0]) if loops else 0
    if kind == "polygons":
        return triangulate_with_holes(loops) if loops else np.zeros((0, 3), np.int64)
    first = np.arange(max(size - 2, 0))
    if kind == "trifans":
        return np.stack([np.zeros_like(first), first + 1, first + 2], axis=1)
    odd = first % 2  # every second triangle of a strip is turned
    return np.stack([first + odd, first + 1 - odd, first + 2], axis=1)
