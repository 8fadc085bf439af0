"""The classifiers that are fitted on frozen features, and the choice of C."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.parallel import Parallel, delayed

Rows = NDArray[np.intp]
Labels = NDArray[np.int64]

# Up to this many objects all dot products are kept; beyond, copying them takes longer than computing them
# again (bench/probe_fit.py).
GRAM_OBJECTS = 2000
NEIGHBOURS = 20

# Estimators by name, made from C and the number of training objects.
ESTIMATORS: dict[str, Callable[[float, int], ClassifierMixin]] = {
    "majority": lambda _, __: DummyClassifier(strategy="most_frequent"),
    "standardised_svc": lambda C, _: make_pipeline(StandardScaler(), SVC(kernel="linear", C=C)),
    "linear_svc": lambda C, _: LinearSVC(C=C, random_state=0),
    "logistic_regression": lambda C, _: make_pipeline(
        StandardScaler(), LogisticRegression(C=C, max_iter=2000)
    ),
    "knn": lambda _, count: KNeighborsClassifier(min(NEIGHBOURS, count), metric="cosine"),
}


class Classifier(Protocol):
    """A classifier over the features of all objects, fitted anew on any rows of them."""

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """Fit on the training rows and predict the test rows.

        Args:
            labels: (N,), read at `train` only.
            train, test: rows.
            C: inverse strength of regularisation.

        Returns:
            (len(test),) labels.
        """


@dataclass(frozen=True)
class Estimator:
    """Any scikit-learn classifier, on (N, F) features."""

    features: NDArray[np.floating]
    make: Callable[[float, int], ClassifierMixin]

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Classifier`."""
        fitted = self.make(C, len(train)).fit(self.features[train], labels[train])
        return np.asarray(fitted.predict(self.features[test]))


class GramMachine:
    """`SVC(kernel="linear")` on (N, F) float32 features; dot products are computed once for all fits."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        wide = features.astype(np.float64)
        self.products = wide @ wide.T

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Classifier`."""
        fitted = SVC(kernel="precomputed", C=C).fit(self.products[np.ix_(train, train)], labels[train])
        return np.asarray(fitted.predict(self.products[np.ix_(test, train)]))


class LibsvmMachine:
    """`SVC(kernel="linear")` on (N, F) float32 features; predicts by hyperplanes, not support vectors."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        self.features = features.astype(np.float64)

    def predict(self, labels: Labels, train: Rows, test: Rows, C: float) -> Labels:
        """See `Classifier`."""
        fitted = SVC(kernel="linear", C=C).fit(self.features[train], labels[train])
        if len(fitted.classes_) == 2:
            return np.asarray(fitted.predict(self.features[test]))
        sides = self.features[test] @ fitted.coef_.T + fitted.intercept_ > 0
        votes = np.zeros((len(test), len(fitted.classes_)), dtype=np.int64)
        for side, (first, second) in zip(sides.T, combinations(range(len(fitted.classes_)), 2), strict=True):
            votes[:, first] += side
            votes[:, second] += ~side
        # Ties go to the first class, as in libsvm.
        return np.asarray(fitted.classes_[votes.argmax(axis=1)])


def classifier(name: str, features: NDArray[np.float32]) -> Classifier:
    """A classifier over (N, F) float32 features; with no features (F = 0) the majority class.

    Args:
        name: `svc` or a key of `ESTIMATORS`.
        features: of all objects.
    """
    if features.shape[1] == 0:
        return Estimator(features, ESTIMATORS["majority"])
    if name == "svc":
        return GramMachine(features) if len(features) <= GRAM_OBJECTS else LibsvmMachine(features)
    return Estimator(features.astype(np.float64) if name == "linear_svc" else features, ESTIMATORS[name])


def share_threads(objects: int, threads: int) -> tuple[int, int]:
    """Split `threads` into processes at a time and threads in each.

    Small fits spend a quarter of their time in Python and so run in processes. Large ones run in threads of
    one process, which holds the features once; libsvm and liblinear release Python's lock.
    """
    return (1, threads) if objects > GRAM_OBJECTS else (threads, 1)


def choose_C(
    machine: Classifier,
    labels: Labels,
    folds: Sequence[tuple[Rows, Rows]],
    candidates: Sequence[float],
    threads: int = 1,
) -> float:
    """The C with the most correct held-out objects; of equals the smallest.

    `GridSearchCV` averages the folds' accuracies, so that an object of a small fold weighs more; this sums
    correct answers, and fits on dot products computed once. Without folds use the largest C, which is
    insensitive to the scale of the features.

    Args:
        machine: over all objects.
        labels: (N,), read at the folds' rows only.
        folds: (train, held out) rows inside the training split; none if it is too small.
        candidates: ascending; a single one is taken as it is.
        threads: fits at a time.
    """
    if len(candidates) == 1:
        return candidates[0]
    if not folds:
        return candidates[-1]

    def correct(fold: tuple[Rows, Rows], C: float) -> int:
        return int((machine.predict(labels, *fold, C) == labels[fold[1]]).sum())

    jobs = [delayed(correct)(fold, C) for fold, C in product(folds, candidates)]
    counts = Parallel(n_jobs=threads, prefer="threads")(jobs)
    return candidates[int(np.reshape(counts, (len(folds), -1)).sum(axis=0).argmax())]
