"""Geometric descriptors of point clouds: a baseline without learning.

D2 is the distribution of distances between pairs of surface points (Osada et al. 2002, "Shape
distributions", ACM Transactions on Graphics 21(4), section 3.1, https://doi.org/10.1145/571647.571648).
The paper draws random pairs; a thinned cloud has few enough pairs to count all of them, so no seed is needed.
The sides of the bounding box are added, since D2 hardly depends on them.
"""

import numpy as np
from numpy.typing import NDArray

BINS = 64
DIAMETER = 2.0  # of the unit sphere: no distance is longer


def geometry_features(clouds: NDArray[np.floating]) -> NDArray[np.float32]:
    """Describe clouds by their D2 distribution and their extents.

    Args:
        clouds: (B, P, 3) inside the unit sphere, P at least 2.

    Returns:
        (B, BINS + 3) float32: `distance_distribution` and `sorted_extents` of each.
    """
    return np.stack(
        [np.concatenate([distance_distribution(cloud), sorted_extents(cloud)]) for cloud in clouds]
    ).astype(np.float32)


def distance_distribution(cloud: NDArray[np.floating]) -> NDArray[np.float64]:
    """The D2 distribution of a cloud (P, 3): the density of its P (P - 1) / 2 distances.

    Returns:
        (BINS,) float64: the density over equal bins of [0, 2], times the root of a bin's width, so that
        dot products are those of the densities as functions and do not depend on the number of bins.
    """
    squared = sum(np.subtract.outer(axis, axis) ** 2 for axis in cloud.astype(np.float32).T)
    bins = (np.sqrt(squared) * np.float32(BINS / DIAMETER)).astype(np.int32).ravel()
    counts = np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)
    counts[0] -= len(cloud)  # each point's distance to itself
    width = DIAMETER / BINS
    density: NDArray[np.float64] = counts / (counts.sum() * width)
    return density * np.sqrt(width)


def sorted_extents(cloud: NDArray[np.floating]) -> NDArray[np.floating]:
    """(3,) sides of the axis-aligned box around a cloud (P, 3), longest first."""
    return np.sort(np.ptp(cloud, axis=0))[::-1]
