"""Polygons become triangles that cover them once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.polygons import check_corners, triangulate, triangulate_with_holes

L_SHAPE = np.array([[0, 0], [2, 0], [2, 0.3], [0.3, 0.3], [0.3, 2], [0, 2]])
ARROW = np.array([[0, 0], [2, 1], [4, 0], [2, 4]])


def lay(flat: NDArray[np.float64], axis: int = 2) -> NDArray[np.float64]:
    """A flat polygon in a plane across one axis, far from the origin."""
    return np.insert(flat, axis, 0, axis=1) + 100


def area(polygon: NDArray[np.float64]) -> float:
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def areas(flat: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Signed areas of triangles in the plane."""
    a, b, c = (flat[triangles[:, corner]] for corner in range(3))
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def covers(flat: NDArray[np.float64], triangles: NDArray[np.int64]) -> bool:
    """Whether triangles cover a polygon once: none is turned over, and their areas add up to its own."""
    parts = areas(flat, triangles) * np.sign(area(flat))
    return bool(parts.min() > -1e-6 * parts.sum()) and parts.sum() == pytest.approx(abs(area(flat)), rel=1e-5)


@given(st.lists(st.floats(0.1, 1), min_size=3, max_size=40), st.integers(0, 2), st.booleans())
def test_a_star_shaped_polygon_is_covered_once(radii: list[float], axis: int, clockwise: bool) -> None:
    angles = np.arange(len(radii)) * 2 * np.pi / len(radii)
    flat = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array(radii)[:, None]
    flat = flat[::-1] if clockwise else flat
    triangles, owners = triangulate(lay(flat, axis), np.array([len(flat)]), np.arange(len(flat)))
    assert covers(flat, triangles)
    assert not owners.any()


@pytest.mark.parametrize("polygon", [L_SHAPE, ARROW], ids=["L", "arrow"])
@pytest.mark.parametrize("step", [1, -1])
def test_concave_polygons_are_covered_once_wherever_they_begin(
    polygon: NDArray[np.float64], step: int
) -> None:
    for first in range(len(polygon)):
        flat = np.roll(polygon, first, axis=0)[::step].astype(float)
        for axis in range(3):
            triangles, _ = triangulate(lay(flat, axis), np.array([len(flat)]), np.arange(len(flat)))
            assert covers(flat, triangles)
            assert len(triangles) == len(flat) - 2


def test_polygons_of_all_sizes_keep_their_order() -> None:
    flat = np.concatenate(
        [ARROW, L_SHAPE + np.array([5, 0]), [[20, 0], [21, 0], [20, 1]], [[30, 0], [31, 0]], ARROW]
    )
    counts = np.array([4, 6, 3, 2, 0, 4])
    corners = np.random.default_rng(0).permutation(len(flat))
    points = np.empty((len(flat), 3))
    points[corners] = lay(flat)
    triangles, owners = triangulate(points, counts, corners)
    assert owners.tolist() == [0, 0, 1, 1, 1, 1, 2, 5, 5]
    sums = np.bincount(owners, areas(flat, triangles), minlength=6)
    assert sums == pytest.approx([6, area(L_SHAPE), 0.5, 0, 0, 6])


def test_convex_polygons_fan() -> None:
    square = lay(np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]))
    assert triangulate(square, np.array([4]), np.arange(4))[0].tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_polygons_without_area_fan(value: float) -> None:
    points = np.full((5, 3), value)
    triangles, _ = triangulate(points, np.array([5]), np.arange(5))
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4]]


@pytest.mark.parametrize("size", [1e-30, 1e30, 1e200])
def test_polygons_of_any_size_are_covered_once(size: float) -> None:
    points = np.insert(L_SHAPE, 2, 0, axis=1) * size
    triangles, _ = triangulate(points, np.array([6]), np.arange(6))
    assert covers(L_SHAPE, triangles)


@pytest.mark.parametrize("step", [1, -1])
def test_holes_stay_open(step: int) -> None:
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])
    loops = [2 * square, (square / 2 + [1, 0])[::step], (square / 2 - [1, 0])[::step]]
    triangles = triangulate_with_holes([lay(loop) for loop in loops])
    parts = areas(np.concatenate(loops), triangles)
    assert parts.min() > 0
    assert parts.sum() == pytest.approx(16 - 2)


def test_a_corner_that_does_not_exist_is_told() -> None:
    check_corners(np.array([0, 7]), 8)
    for corner in (-1, 8):
        with pytest.raises(BadMesh, match="none of the 8"):
            check_corners(np.array([0, corner]), 8)
