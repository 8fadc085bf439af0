"""Triangles of polygons, which may be concave and have holes."""

from collections.abc import Sequence

import mapbox_earcut
import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh

FOLDED = 1e-6  # of a polygon's area: what a fan may cover twice because of rounding


def triangulate(
    points: NDArray[np.floating], counts: NDArray[np.integer], corners: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut polygons into triangles of the same winding.

    A polygon without area, or with a corner that is not finite, becomes a fan.

    Args:
        points: (V, 3) vertices.
        counts: (P,) corners of each polygon; one with fewer than three gives no triangle.
        corners: (sum of counts,) rows of `points`, one polygon after another.

    Returns:
        (F, 3) positions in `corners`, so that other indices of the same corners can follow, and the (F,)
        number of each triangle's polygon, in ascending order.
    """
    counts = np.asarray(counts, dtype=np.int64)
    if (counts == 3).all():
        return np.arange(3 * len(counts)).reshape(-1, 3), np.arange(len(counts))
    starts = np.cumsum(counts) - counts
    order = np.argsort(counts, kind="stable")
    sizes, firsts = np.unique(counts[order], return_index=True)
    triangles, owners = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for size, polygons in zip(sizes, np.split(order, firsts[1:]), strict=True):
        if size >= 3:
            positions = starts[polygons, None] + np.arange(size)
            cut, rows = _same_size(positions, points, corners)
            triangles.append(cut)
            owners.append(polygons[rows])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(triangles)[order], owner[order]


def _same_size(
    positions: NDArray[np.int64], points: NDArray[np.floating], corners: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Triangles of polygons that all have N corners, from their (P, N) positions, and each one's row."""
    size = positions.shape[1]
    if size == 3:
        return positions, np.arange(len(positions))
    polygons = _scaled(points[corners[positions]])
    good = _fan_fits(polygons)
    if size == 4:  # a quad has two diagonals: where the first one fails, the second holds the reflex corner
        turn = ~good
        turn[turn] = _fan_fits(np.roll(polygons[turn], -1, axis=1))
        positions = np.where(turn[:, None], np.roll(positions, -1, axis=1), positions)
        good[:] = True
    triangles = [_fan(positions[good])]
    rows = [np.repeat(np.flatnonzero(good), size - 2)]
    for row in np.flatnonzero(~good):
        cut = positions[row][triangulate_with_holes([polygons[row]])]
        triangles.append(cut)
        rows.append(np.full(len(cut), row))
    return np.concatenate(triangles), np.concatenate(rows)


def triangulate_with_holes(loops: Sequence[NDArray[np.floating]]) -> NDArray[np.int64]:
    """Cut one polygon with holes into triangles that are wound as its outline is.

    Args:
        loops: (N, 3) corners of the outline, then of each hole, wound either way.

    Returns:
        (F, 3) positions in the concatenated loops.
    """
    if len(loops[0]) < 3:
        return np.zeros((0, 3), np.int64)
    points = _scaled(np.concatenate(loops)[None])[0]
    outline = points[: len(loops[0])]
    normal = _fan_crosses(outline[None]).sum(axis=1)[0]
    axis = int(np.argmax(np.abs(normal)))
    if not abs(normal[axis]) > 0:
        return _fan(np.arange(len(outline))[None])
    seen = [(axis + 1) % 3, (axis + 2) % 3]  # from this side the outline runs anticlockwise
    flat = np.ascontiguousarray(points[:, seen if normal[axis] > 0 else seen[::-1]])
    ends = np.cumsum([len(loop) for loop in loops], dtype=np.uint32)
    triangles = mapbox_earcut.triangulate_float64(flat, ends).astype(np.int64).reshape(-1, 3)
    sides = flat[triangles[:, 1:]] - flat[triangles[:, :1]]
    clockwise = np.linalg.det(sides) < 0
    triangles[clockwise] = triangles[clockwise][:, ::-1]
    return triangles


def check_corners(corners: NDArray[np.integer], vertices: int) -> None:
    """Raises:
    BadMesh: if a corner is none of the vertices.
    """
    if len(corners) and not 0 <= corners.min() <= corners.max() < vertices:
        raise BadMesh(f"a face has a vertex that is none of the {vertices}")


def runs(starts: NDArray[np.int64], counts: NDArray[np.int64], step: int = 1) -> NDArray[np.int64]:
    """(sum of counts,) numbers: `counts[i]` of them from `starts[i]` on, for each i."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - step * before, counts) + step * np.arange(counts.sum())


def _scaled(polygons: NDArray[np.floating]) -> NDArray[np.float64]:
    """Polygons (P, N, 3) moved to their first corner and reduced to size 1, so that no square overflows."""
    with np.errstate(invalid="ignore", over="ignore"):
        moved = polygons.astype(np.float64) - polygons[:, :1]
        size = np.abs(moved).max(axis=(1, 2), keepdims=True)
        return moved / np.where(size > 0, size, 1)


def _fan(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fans of (P, N) polygons from their first corners: (P * (N - 2), 3)."""
    first = np.broadcast_to(positions[:, :1], positions[:, 2:].shape)
    return np.stack([first, positions[:, 1:-1], positions[:, 2:]], axis=-1).reshape(-1, 3)


def _fan_crosses(polygons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cross products (P, N - 2, 3) of the fans' triangles; their sum is a polygon's Newell normal."""
    sides = polygons[:, 1:] - polygons[:, :1]
    with np.errstate(invalid="ignore"):
        return np.cross(sides[:, :-1], sides[:, 1:])


def _fan_fits(polygons: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of (P, N, 3) polygons their fans cover without folds: no triangle is turned over."""
    crosses = _fan_crosses(polygons)
    normals = crosses.sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = np.einsum("pni,pi->pn", crosses, normals)
        folded = -np.minimum(shares, 0).sum(axis=1)
        return ~(folded > FOLDED * (normals**2).sum(axis=1))
