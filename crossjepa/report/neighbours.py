"""Which objects the frozen features hold to be alike."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors


def nearest(features: NDArray[np.float32], queries: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Nearest other objects by cosine.

    Args:
        features: (N, F).
        queries: (Q,) positions among the N.
        count: neighbours a query.

    Returns:
        (Q, count) positions, nearest first, never the query itself.
    """
    search = NearestNeighbors(n_neighbors=min(count + 1, len(features)), metric="cosine").fit(features)
    found = search.kneighbors(features[queries], return_distance=False)
    return np.stack([row[row != query][:count] for row, query in zip(found, queries, strict=True)])


def spread_over_classes(labels: NDArray[np.str_], count: int, seed: int) -> NDArray[np.int64]:
    """Positions of `count` objects at most, of as many different classes as there are."""
    order = np.random.default_rng(seed).permutation(len(labels))
    round_of = np.zeros(len(labels), dtype=np.int64)
    for name in set(labels):
        members = order[labels[order] == name]
        round_of[members] = np.arange(len(members))
    return order[np.argsort(round_of[order], kind="stable")][:count]
