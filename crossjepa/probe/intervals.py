"""95% intervals of means whose observations are not independent."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Scores = NDArray[np.float64]


class GroupBootstrap:
    """Resamples whole groups: near-duplicates are right or wrong together.

    The percentile bootstrap over clusters (Davison and Hinkley 1997, "Bootstrap Methods and their
    Application", section 3.8, https://doi.org/10.1017/CBO9780511802843). It covers the choice of test
    objects, not of training sets. All intervals of one instance resample the same groups: they are paired.

    Args:
        groups: (N,) the group of each score.
        resamples: how many times as many groups are drawn, with replacement.
        seed: seeds the draws.
    """

    def __init__(self, groups: NDArray[np.generic], resamples: int, seed: int) -> None:
        self.index = np.unique(groups, return_inverse=True)[1]
        count = int(self.index.max()) + 1
        chance = np.full(count, 1 / count)
        self.drawn = np.random.default_rng(seed).multinomial(count, chance, size=resamples)
        self.sizes = self.drawn @ np.bincount(self.index)

    def __call__(self, scores: Scores) -> tuple[float, float]:
        """The 2.5th and 97.5th percentile of the mean of (N,) scores."""
        totals = np.bincount(self.index, weights=scores)
        low, high = np.percentile((self.drawn @ totals) / self.sizes, [2.5, 97.5])
        return float(low), float(high)


def cluster_interval(scores: Scores, clusters: NDArray[np.generic]) -> tuple[float, float] | None:
    """Student's t interval of the mean of (N,) scores with few clusters of unequal size.

    The mean is the ratio of the clusters' totals to their sizes; its standard error is that of a ratio
    estimator under cluster sampling (Cochran 1977, "Sampling Techniques", chapter 9A), with one degree of
    freedom less than there are clusters. None for a single cluster.
    """
    index = np.unique(clusters, return_inverse=True)[1]
    totals, sizes = np.bincount(index, weights=scores), np.bincount(index)
    count = len(sizes)
    if count < 2:
        return None
    mean = totals.sum() / sizes.sum()
    residuals = totals - mean * sizes
    error = np.sqrt(count / (count - 1) * (residuals**2).sum()) / sizes.sum()
    return _student(mean, error, count)


def student_interval(differences: Scores) -> tuple[float, float] | None:
    """Student's t interval of a mean of independent numbers (Student 1908, https://doi.org/10.2307/2331554)."""
    count = len(differences)
    if count < 2:
        return None
    return _student(differences.mean(), differences.std(ddof=1) / np.sqrt(count), count)


def _student(mean: float, error: float, count: int) -> tuple[float, float]:
    half = stats.t.ppf(0.975, count - 1) * error
    return float(mean - half), float(mean + half)
