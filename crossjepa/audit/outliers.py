"""Objects that lie apart from all others in feature space."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

NEIGHBOURS = 5
FAR = 3.5  # robust standard deviations; the limit of Iglewicz and Hoaglin


def comparable(groups: NDArray[np.int64]) -> bool:
    """Whether there are enough groups to say which objects lie apart."""
    return len(np.unique(groups)) > 2 * NEIGHBOURS


def apartness(features: NDArray[np.floating], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each object lies from its neighbours, compared with all objects of the data set.

    The mean cosine distance of an object's standardised features from those of the five nearest objects of
    other groups, as a modified z-score: its logarithm's distance from the median, in standard deviations that
    the median absolute deviation estimates (Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers").
    The logarithm makes the distribution symmetric enough for that.

    Args:
        features: (N, F).
        groups: (N,) numbers; copies share one, and do not count as neighbours.

    Returns:
        (N,) scores; above `FAR` is an outlier. Zeros where there are too few groups to compare with.
    """
    counts = np.bincount(groups)
    wanted = NEIGHBOURS + int(counts.max())
    if not comparable(groups):
        return np.zeros(len(features))
    scaled = StandardScaler().fit_transform(features)
    search = NearestNeighbors(n_neighbors=min(wanted, len(features)), metric="cosine").fit(scaled)
    distances, rows = search.kneighbors(scaled)
    mean = np.array(
        [
            near[groups[row] != own][:NEIGHBOURS].mean()
            for near, row, own in zip(distances, rows, groups, strict=True)
        ]
    )
    spread = np.log(np.maximum(mean, np.finfo(np.float64).eps))
    centred = spread - np.median(spread)
    deviation = np.median(np.abs(centred)) / 0.6745
    return centred / max(deviation, np.finfo(np.float64).eps)
