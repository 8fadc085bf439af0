"""The classifiers that are fitted on frozen features, and the choice of C."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
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

# Up to this many objects, fits share precomputed dot products; above it, copying them takes longer than
# computing them again (bench/probe_fit.py).
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
    """A classifier that holds the features of all objects and is fitted on any of their rows."""

    def predict(self, labels: Labels, train: Rows, test: Rows, candidates: Sequence[float]) -> list[Labels]:
        """Fit on the training rows and predict the test rows, with each C.

        Args:
            labels: (N,), read at `train` only.
            train, test: rows.
            candidates: ascending values of C, the inverse strength of regularisation.

        Returns:
            (len(test),) labels for each C.
        """


@dataclass(frozen=True)
class Estimator:
    """Any scikit-learn classifier, on (N, F) features."""

    features: NDArray[np.floating]
    make: Callable[[float, int], ClassifierMixin]

    def predict(self, labels: Labels, train: Rows, test: Rows, candidates: Sequence[float]) -> list[Labels]:
        """See `Classifier`."""
        fits = (self.make(C, len(train)).fit(self.features[train], labels[train]) for C in candidates)
        return [np.asarray(fitted.predict(self.features[test])) for fitted in fits]


class GramMachine:
    """`SVC(kernel="linear")` on (N, F) float32 features; dot products are computed once for all fits."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        wide = features.astype(np.float64)
        self.products = wide @ wide.T

    def predict(self, labels: Labels, train: Rows, test: Rows, candidates: Sequence[float]) -> list[Labels]:
        """See `Classifier`."""
        among, across = self.products[np.ix_(train, train)], self.products[np.ix_(test, train)]
        fits = (SVC(kernel="precomputed", C=C).fit(among, labels[train]) for C in candidates)
        return _answers(fits, lambda fitted: np.asarray(fitted.predict(across)), candidates)


class LibsvmMachine:
    """`SVC(kernel="linear")` on (N, F) float32 features; predicts by hyperplanes, not support vectors."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        self.features = features.astype(np.float64)

    def predict(self, labels: Labels, train: Rows, test: Rows, candidates: Sequence[float]) -> list[Labels]:
        """See `Classifier`."""
        fits = (SVC(kernel="linear", C=C).fit(self.features[train], labels[train]) for C in candidates)
        return _answers(fits, lambda fitted: _by_hyperplanes(fitted, self.features[test]), candidates)


def _answers(
    fits: Iterator[SVC], predict: Callable[[SVC], Labels], candidates: Sequence[float]
) -> list[Labels]:
    """Answers of machines that are fitted with ascending C.

    The dual problem knows C only as the largest value of its coefficients. Once none reaches it, the
    solution is also that of every larger C, and nothing more is fitted.
    """
    answers: list[Labels] = []
    for C, fitted in zip(candidates, fits, strict=True):
        answers.append(predict(fitted))
        if np.abs(fitted.dual_coef_).max() < C:
            break
    return answers + answers[-1:] * (len(candidates) - len(answers))


def _by_hyperplanes(fitted: SVC, features: NDArray[np.float64]) -> Labels:
    """The answers of a linear machine; `SVC.predict` would multiply with each support vector."""
    if len(fitted.classes_) == 2:
        return np.asarray(fitted.predict(features))
    sides = features @ fitted.coef_.T + fitted.intercept_ > 0
    votes = np.zeros((len(features), len(fitted.classes_)), dtype=np.int64)
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
    """Divide `threads` into parallel processes and threads of each.

    Small fits spend a quarter of their time in Python and so run in processes. Large ones run in threads of
    one process, which holds the features once; libsvm and liblinear release the GIL.
    """
    return (1, threads) if objects > GRAM_OBJECTS else (threads, 1)


def choose_C(
    machine: Classifier,
    labels: Labels,
    folds: Sequence[tuple[Rows, Rows]],
    candidates: Sequence[float],
    threads: int = 1,
) -> float:
    """The C with the most correct held-out objects; ties go to the smallest.

    `GridSearchCV` averages the folds' accuracies, so that an object of a small fold weighs more; this sums
    correct answers, and can fit on precomputed dot products. Without folds it is the largest C, which is
    insensitive to the scale of the features.

    Args:
        machine: the classifier, which holds the features of all objects.
        labels: (N,), read at the folds' rows only.
        folds: (train, held out) rows inside the training split; empty if it is too small.
        candidates: ascending; a single one is returned without any fit.
        threads: folds to fit in parallel.
    """
    if len(candidates) == 1:
        return candidates[0]
    if not folds:
        return candidates[-1]

    def correct(train: Rows, test: Rows) -> list[int]:
        return [
            int((answers == labels[test]).sum())
            for answers in machine.predict(labels, train, test, candidates)
        ]

    counts = Parallel(n_jobs=threads, prefer="threads")(delayed(correct)(*fold) for fold in folds)
    return candidates[int(np.sum(counts, axis=0).argmax())]
