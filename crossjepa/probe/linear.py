"""Linear support vector machines, and the choice of their C."""

from collections.abc import Sequence
from itertools import combinations, product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.parallel import Parallel, delayed

from crossjepa.probe.protocols import ProbeProtocol

Rows = NDArray[np.intp]
Labels = NDArray[np.int64]

# Objects up to which all dot products are kept: for more, they take longer to copy than to compute again
# (bench/probe_fit.py).
GRAM_OBJECTS = 2000


class Machine(Protocol):
    """A linear classifier over all objects' features, to be fitted on any rows of them."""

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """What the classifier, fitted on the training rows, says of the test rows.

        Args:
            labels: (N,), read at `train` only.
            train, test: rows.
            C: the weight of errors.

        Returns:
            (len(test),) labels.
        """


class GramMachine:
    """`SVC(kernel="linear")` on dot products that are computed once for all folds, Cs and subsets.

    Args:
        features: (N, F) float32.
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        wide = features.astype(np.float64)
        self.products = wide @ wide.T

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Machine`."""
        fitted = SVC(kernel="precomputed", C=C).fit(self.products[np.ix_(train, train)], labels[train])
        predicted: Labels = fitted.predict(self.products[np.ix_(test, train)])
        return predicted


class LibsvmMachine:
    """`SVC(kernel="linear")` on the features, asked through its hyperplanes instead of its support vectors.

    Args:
        features: (N, F) float32.
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        self.features = features.astype(np.float64)

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Machine`."""
        fitted = SVC(kernel="linear", C=C).fit(self.features[train], labels[train])
        if len(fitted.classes_) == 2:
            answer: Labels = fitted.predict(self.features[test])
            return answer
        sides = self.features[test] @ fitted.coef_.T + fitted.intercept_ > 0
        votes = np.zeros((len(test), len(fitted.classes_)), dtype=np.int64)
        for side, (first, second) in zip(sides.T, combinations(range(len(fitted.classes_)), 2), strict=True):
            votes[:, first] += side
            votes[:, second] += ~side
        predicted: Labels = fitted.classes_[votes.argmax(axis=1)]  # of equals the first, as libsvm does
        return predicted


class StandardisedMachine:
    """`SVC(kernel="linear")` on features that are standardised by the training rows.

    Args:
        features: (N, F) float32.
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        self.features = features

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Machine`."""
        fitted = make_pipeline(StandardScaler(), SVC(kernel="linear", C=C))
        predicted: Labels = fitted.fit(self.features[train], labels[train]).predict(self.features[test])
        return predicted


class LiblinearMachine:
    """`LinearSVC` on the features.

    Args:
        features: (N, F) float32.
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        self.features = features.astype(np.float64)

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Machine`."""
        fitted = LinearSVC(C=C, random_state=0).fit(self.features[train], labels[train])
        predicted: Labels = fitted.predict(self.features[test])
        return predicted


def machine(features: NDArray[np.float32], chosen: ProbeProtocol) -> Machine:
    """The protocol's classifier over (N, F) float32 features."""
    if chosen.classifier == "linear_svc":
        return LiblinearMachine(features)
    return GramMachine(features) if len(features) <= GRAM_OBJECTS else LibsvmMachine(features)


def share_threads(objects: int, threads: int) -> tuple[int, int]:
    """Jobs at a time, and fits at a time within a job.

    Many small jobs run in processes, as a quarter of each small fit is spent in Python. Large ones run one
    after another and share out their fits among threads, which hold the features once.

    Args:
        objects: how many objects a job has features of.
        threads: how many fits there may be at a time.
    """
    return (1, threads) if objects > GRAM_OBJECTS else (threads, 1)


def pooled(features: NDArray[np.float32], chosen: ProbeProtocol) -> NDArray[np.float32]:
    """An encoder's features as the protocol pools them.

    Args:
        features: (N, 2 D): the tokens' maximum beside their mean.
        chosen: the protocol.

    Returns:
        (N, 2 D), or (N, D) for the maximum alone.
    """
    return features if chosen.pooling == "max_mean" else features[:, : features.shape[1] // 2]


def choose_C(
    classifier: Machine,
    labels: Labels,
    folds: Sequence[tuple[Rows, Rows]],
    candidates: Sequence[float],
    threads: int = 1,
) -> float:
    """The C that classifies most held-out objects rightly; of equals, the smallest.

    Without folds it is the largest: few objects are separable, and the hard margin asks for no scale of the
    features, where a small C would favour whichever are the largest.

    Args:
        classifier: over all objects.
        labels: (N,), read at the folds' rows only.
        folds: (train, held out) rows, all of them inside the training split; none where it is too small.
        candidates: ascending; a single one is taken as it is.
        threads: fits at a time; libsvm and liblinear leave Python's lock alone.
    """
    if len(candidates) == 1:
        return candidates[0]
    if not folds:
        return candidates[-1]
    jobs = [delayed(_right)(classifier, labels, *fold, C) for fold, C in product(folds, candidates)]
    right = Parallel(n_jobs=threads, prefer="threads")(jobs)
    return candidates[int(np.reshape(right, (len(folds), -1)).sum(axis=0).argmax())]


def _right(classifier: Machine, labels: Labels, train: Rows, held_out: Rows, C: float) -> int:
    return int((classifier.predict(labels, train, held_out, C) == labels[held_out]).sum())
