"""Probabilities of classes, of objects that a classifier has not seen.

The classifier is a logistic regression on standardised features: unlike the margins of a linear SVM, its
scores are probabilities. So its C is chosen by the likelihood of held-out labels (Good 1952, "Rational
decisions", https://doi.org/10.1111/j.2517-6161.1952.tb00104.x) and not by accuracy, which hardly depends on
it.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from crossjepa.probe.classifiers import ESTIMATORS, Labels, Rows
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.splits import grouped_folds, inner_folds

Features = NDArray[np.floating]
Probabilities = NDArray[np.float64]

CANDIDATES = (0.01, 0.1, 1.0)  # for C
UNLIKELY = 1e-3  # the least probability of a held-out label, so that a single one does not decide


def predict_probabilities(
    features: Features,
    labels: Labels,
    groups: Labels,
    split: tuple[Rows, Rows],
    settings: ProbeSettings,
    threads: int = 1,
) -> Probabilities:
    """Fit on the training rows, with C chosen in folds of them, and predict the test rows.

    Args:
        features: (N, F).
        labels: (N,) classes from 0, read at the training rows only.
        groups: (N,) numbers; objects of a group are in one fold.
        split: rows to train on, of at least two classes, and rows to test on.
        settings: folds and their seed.
        threads: fits to run in parallel.

    Returns:
        (T, K) for T test rows and K classes; 0 for a class without training rows.
    """
    folds = inner_folds(labels, groups, split[0], settings.folds, settings.seed)
    return _fit(features, labels, split, _choose_C(features, labels, folds, threads))


def held_out_probabilities(
    features: Features, labels: Labels, groups: Labels, settings: ProbeSettings, threads: int = 1
) -> Probabilities:
    """Predict every object by a classifier that was fitted on other groups: nested cross-validation.

    Args:
        features, labels, groups, settings: see `predict_probabilities`.
        threads: folds to fit in parallel.

    Returns:
        (N, K); 0 for a class that has a single group.

    Raises:
        UserError: if there are too few groups or classes for two folds.
    """
    splits = grouped_folds(labels, groups, np.arange(len(labels)), settings.folds, settings.seed)
    jobs = [delayed(predict_probabilities)(features, labels, groups, split, settings) for split in splits]
    with threadpool_limits(1):
        parts = Parallel(n_jobs=threads, prefer="threads")(jobs)
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    for (_, test), part in zip(splits, parts, strict=True):
        probabilities[test] = part
    return probabilities


def _fit(features: Features, labels: Labels, split: tuple[Rows, Rows], C: float) -> Probabilities:
    train, test = split
    fitted = ESTIMATORS["logistic_regression"](C, len(train)).fit(features[train], labels[train])
    probabilities = np.zeros((len(test), int(labels.max()) + 1))
    probabilities[:, fitted.classes_] = fitted.predict_proba(features[test])
    return probabilities


def _choose_C(features: Features, labels: Labels, folds: Sequence[tuple[Rows, Rows]], threads: int) -> float:
    """The C that gives held-out labels the highest likelihood; the smallest without folds."""

    def likelihood(C: float, fold: tuple[Rows, Rows]) -> float:
        given = _fit(features, labels, fold, C)[np.arange(len(fold[1])), labels[fold[1]]]
        return float(np.log(np.maximum(given, UNLIKELY)).sum())

    jobs = [delayed(likelihood)(C, fold) for C, fold in product(CANDIDATES, folds)]
    sums = Parallel(n_jobs=threads, prefer="threads")(jobs)
    return CANDIDATES[int(np.reshape(sums, (len(CANDIDATES), -1)).sum(axis=1).argmax())]
