"""Triangles of polygons, which may be concave and have holes."""

import numpy as np
from numpy.typing import NDArray


def triangulate(
    points: NDArray[np.floating], counts: NDArray[np.integer], corners: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut polygons into triangles.

    Args:
        points: (V, 3) vertices.
        counts: (P,) corners of each polygon; one with fewer than three gives no triangle.
        corners: (sum of counts,) rows of `points`, one polygon after another.

    Returns:
        (F, 3) positions in `corners`, so that other indices of the same corners can follow, and the (F,)
        number of each triangle's polygon.
    """
    raise NotImplementedError
