"""A linear support vector machine on a precomputed Gram matrix, and the choice of its C."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

Rows = NDArray[np.intp]
Labels = NDArray[np.int64]
Predict = Callable[[NDArray[np.float64], Labels, Rows, Rows, Sequence[float]], Labels]


def gram(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The (N, N) dot products of (N, F) features: all that a linear machine asks of them."""
    wide = features.astype(np.float64)
    return wide @ wide.T


def svm_predictions(
    products: NDArray[np.float64], labels: Labels, train: Rows, test: Rows, candidates: Sequence[float]
) -> Labels:
    """What `SVC(kernel="linear")`, fitted with each C, says of the test rows.

    Args:
        products: `gram` of the features, computed once for all folds and Cs.
        labels: (N,), read at `train` only.
        train, test: rows.
        candidates: one C a fit.

    Returns:
        (len(candidates), len(test)) labels.
    """
    inside, across = products[np.ix_(train, train)], products[np.ix_(test, train)]
    machines = (SVC(kernel="precomputed", C=C).fit(inside, labels[train]) for C in candidates)
    return np.stack([machine.predict(across) for machine in machines])


def choose_C(
    predict: Predict,
    prepared: NDArray[np.float64],
    labels: Labels,
    folds: Sequence[tuple[Rows, Rows]],
    candidates: Sequence[float],
) -> float:
    """The C that classifies most held-out objects rightly; of equals, the smallest.

    Args:
        predict: the classifier, such as `svm_predictions`, and `prepared` its first argument.
        prepared: features as the classifier takes them.
        labels: (N,), read at the folds' rows only.
        folds: (train, held out) rows, all of them inside the training split.
        candidates: ascending; a single one is taken as it is.
    """
    if len(candidates) == 1:
        return candidates[0]
    right = np.zeros(len(candidates), dtype=np.int64)
    running, remaining = np.arange(len(candidates)), sum(len(held_out) for _, held_out in folds)
    for train, held_out in folds:
        predicted = predict(prepared, labels, train, held_out, [candidates[int(c)] for c in running])
        right[running] += (predicted == labels[held_out]).sum(axis=1)
        remaining -= len(held_out)
        running = running[right[running] + remaining >= right.max()]  # the others can no longer win
    return candidates[int(right.argmax())]
