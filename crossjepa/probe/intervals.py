"""95% intervals by resampling whole groups: near-duplicates fall or stand together.

The percentile bootstrap over clusters (Davison and Hinkley 1997, "Bootstrap Methods and their
Application", section 3.8, https://doi.org/10.1017/CBO9780511802843). It tells how the score would vary
with other test objects, not with other training sets.
"""

import numpy as np
from numpy.typing import NDArray


def group_interval(
    scores: NDArray[np.float64], groups: NDArray[np.int64], resamples: int, seed: int
) -> tuple[float, float]:
    """The 95% interval of the mean of `scores`.

    For an accuracy, a score is the share of seeds that classify the object rightly; for a paired
    difference, one such share less the other.

    Args:
        scores: (N,) one score an object.
        groups: (N,) the group of each object.
        resamples: how many times as many groups are drawn, with replacement.
        seed: seeds the draws; equal seeds draw equal groups.

    Returns:
        The 2.5th and 97.5th percentile, in the scores' unit.
    """
    index = np.unique(groups, return_inverse=True)[1]
    totals, sizes = np.bincount(index, weights=scores), np.bincount(index)
    count = len(sizes)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    low, high = np.percentile((drawn @ totals) / (drawn @ sizes), [2.5, 97.5])
    return float(low), float(high)
