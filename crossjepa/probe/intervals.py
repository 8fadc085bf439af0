"""95% intervals of means whose observations are not independent.

Scores are (N, S): one row per observation, one column per mean. Near-duplicates and other dependent
observations share a cluster. Intervals are (S, 2).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Intervals = NDArray[np.float64]
DRAWS = 1 << 24  # clusters that are drawn at a time, which bounds memory


def _clusters(scores: pd.DataFrame, clusters: NDArray[np.generic]) -> tuple[NDArray[np.float64], Intervals]:
    """(C, S) sums of the scores in each cluster, and (C, 1) numbers of observations."""
    grouped = scores.groupby(clusters)
    return grouped.sum().to_numpy(), grouped.size().to_numpy().astype(np.float64)[:, None]


def bootstrap_intervals(
    scores: pd.DataFrame, clusters: NDArray[np.generic], resamples: int, seed: int
) -> Intervals:
    """Percentile bootstrap of the means of (N, S) scores.

    It resamples whole clusters (Davison and Hinkley 1997, "Bootstrap Methods and their Application", section
    3.8, https://doi.org/10.1017/CBO9780511802843), the same for all columns, so that these are paired. The
    interval covers the choice of test objects, not of training sets.
    """
    totals, sizes = _clusters(scores, clusters)
    chance = np.full(len(sizes), 1 / len(sizes))
    rng, means = np.random.default_rng(seed), []
    step = max(1, DRAWS // len(sizes))
    for done in range(0, resamples, step):
        drawn = rng.multinomial(len(sizes), chance, size=min(step, resamples - done))
        means.append((drawn @ totals) / (drawn @ sizes))
    ends: Intervals = np.percentile(np.concatenate(means), [2.5, 97.5], axis=0).T
    return ends


def student_intervals(scores: pd.DataFrame, clusters: NDArray[np.generic]) -> Intervals:
    """Student's t intervals of the means of (N, S) scores with few clusters of unequal size.

    The mean is the ratio of the clusters' totals to their sizes; its standard error is that of a ratio
    estimator under cluster sampling (Cochran 1977, "Sampling Techniques", chapter 9A), with one degree of
    freedom less than there are clusters. With one score in each cluster it is the usual one (Student 1908,
    https://doi.org/10.2307/2331554). NaN for a single cluster.
    """
    totals, sizes = _clusters(scores, clusters)
    count = len(sizes)
    if count < 2:
        return np.full((scores.shape[1], 2), np.nan)
    mean = totals.sum(axis=0) / sizes.sum()
    error = np.sqrt(count / (count - 1) * ((totals - mean * sizes) ** 2).sum(axis=0)) / sizes.sum()
    half = stats.t.ppf(0.975, count - 1) * error
    return np.stack([mean - half, mean + half], axis=1)
