"""A linear support vector machine on a precomputed Gram matrix, and the choice of its C."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

Rows = NDArray[np.intp]
Labels = NDArray[np.int64]


class Classifier(Protocol):
    """What a probe protocol fits: anything linear with one strength of regularisation, C."""

    def prepare(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """From (N, F) features, what is worth computing once for all fits: row i is object i."""

    def predict(
        self,
        prepared: NDArray[np.float64],
        labels: Labels,
        train: Rows,
        test: Rows,
        candidates: Sequence[float],
    ) -> Labels:
        """Labels (len(candidates), len(test)) of test rows after fitting the train rows with each C.

        `labels` (N,) are read at `train` only; `candidates` ascend.
        """


class LinearSVM:
    """`SVC(kernel="linear")`: one against one, hinge loss, no scaler.

    Its predictions depend on dot products alone, so these are computed once for all folds and Cs; the
    features' width then costs nothing.
    """

    def prepare(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The (N, N) Gram matrix of (N, F) features."""
        wide = features.astype(np.float64)
        return wide @ wide.T

    def predict(
        self,
        prepared: NDArray[np.float64],
        labels: Labels,
        train: Rows,
        test: Rows,
        candidates: Sequence[float],
    ) -> Labels:
        """See `Classifier.predict`."""
        inside, across = prepared[np.ix_(train, train)], prepared[np.ix_(test, train)]
        machines = (SVC(kernel="precomputed", C=C).fit(inside, labels[train]) for C in candidates)
        return np.stack([machine.predict(across) for machine in machines])


def choose_C(
    classifier: Classifier,
    prepared: NDArray[np.float64],
    labels: Labels,
    folds: Sequence[tuple[Rows, Rows]],
    candidates: Sequence[float],
) -> float:
    """The C that classifies most held-out objects of the folds; of equals, the smallest.

    Args:
        classifier: what is fitted.
        prepared: its `prepare`d features.
        labels: (N,), read at the folds' rows only.
        folds: (train, held out) rows, all of them inside the training split.
        candidates: ascending.
    """
    if len(candidates) == 1:
        return candidates[0]
    right = np.zeros(len(candidates), dtype=np.int64)
    for train, held_out in folds:
        predicted = classifier.predict(prepared, labels, train, held_out, candidates)
        right += (predicted == labels[held_out]).sum(axis=1)
    return candidates[int(right.argmax())]
