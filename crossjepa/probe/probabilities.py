"""Probabilities of classes, of objects that a classifier has not seen.

The classifier is a logistic regression on standardised features: unlike the margins of a linear SVM, its
scores are probabilities.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from crossjepa.probe.classifiers import ESTIMATORS, Estimator, Labels, Rows, choose_C
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.splits import grouped_folds, inner_folds

Probabilities = NDArray[np.float64]

LOGISTIC = ESTIMATORS["logistic_regression"]
CANDIDATES = (1e-3, 1e-2, 1e-1, 1.0)  # for C, on standardised features


def predict_probabilities(
    features: NDArray[np.floating],
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
    train, test = split
    folds = inner_folds(labels, groups, train, settings.folds, settings.seed)
    C = choose_C(Estimator(features, LOGISTIC), labels, folds, CANDIDATES, threads)
    fitted = LOGISTIC(C, len(train)).fit(features[train], labels[train])
    probabilities = np.zeros((len(test), int(labels.max()) + 1))
    probabilities[:, fitted.classes_] = fitted.predict_proba(features[test])
    return probabilities


def held_out_probabilities(
    features: NDArray[np.floating], labels: Labels, groups: Labels, settings: ProbeSettings, threads: int = 1
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
