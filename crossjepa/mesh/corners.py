"""Corners of triangles that share vertices."""

import numpy as np
from numpy.typing import NDArray

MOST_KEYS = 2**62


def weld(*fields: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Make one vertex of all corners with equal references.

    Args:
        fields: each (C,), from -1: what the corners refer to; the first orders the vertices.

    Returns:
        (V,) a corner of each vertex, and (C,) the vertex of each corner.
    """
    key = fields[0]
    for field in fields[1:]:
        size = int(field.max(initial=-1)) + 2
        if size > 1:
            if key.max(initial=0) > MOST_KEYS // size:
                key = np.unique(key, return_inverse=True)[1]
            key = key * size + field + 1
    _, first, vertex = np.unique(key, return_index=True, return_inverse=True)
    return first, vertex
