"""Nearest neighbours of objects among their frozen features."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.neighbors import NearestNeighbors

MEGABYTES = 128  # of distances at a time; scikit-learn would take a gigabyte


def nearest(features: NDArray[np.float32], queries: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The nearest other objects by cosine distance.

    Args:
        features: (N, F).
        queries: (Q,) rows of `features`.
        count: neighbours of each query.

    Returns:
        (Q, min(count, N - 1)) rows of `features`, nearest first, without the query itself.
    """
    search = NearestNeighbors(n_neighbors=min(count + 1, len(features)), metric="cosine").fit(features)
    with config_context(working_memory=MEGABYTES):
        found = search.kneighbors(features[queries], return_distance=False)
    return np.stack([row[row != query][:count] for row, query in zip(found, queries, strict=True)])


def spread_over_classes(labels: NDArray[np.str_], count: int) -> NDArray[np.int64]:
    """Rows of at most `count` objects, drawn at random (seed 0) from as many classes as possible.

    Args:
        labels: (N,) class names.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    rank_in_class = pd.Series(order).groupby(labels[order]).cumcount()
    return order[np.argsort(rank_in_class, kind="stable")][:count]
