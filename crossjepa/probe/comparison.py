"""Other classifiers on the same features and fixed split, for comparison with papers that use them."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossjepa.probe.ask import ask_all
from crossjepa.probe.objects import LabelledObjects
from crossjepa.store.bundle import Arrays

NEIGHBOURS = 20


def classifiers(n_train: int) -> dict[str, ClassifierMixin]:
    """Multinomial logistic regression on standardised features, and the nearest neighbours by cosine."""
    return {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000)),
        "knn": KNeighborsClassifier(min(NEIGHBOURS, n_train), metric="cosine"),
    }


def compare(
    systems: Mapping[str, Sequence[Arrays]], objects: LabelledObjects, threads: int
) -> dict[str, dict[str, dict[str, NDArray[np.float64]]]]:
    """Fit every other classifier on the training rows and ask it of the test rows.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        threads: processes that fit classifiers.

    Returns:
        By classifier, system and regime, (seeds, test objects): 100 where the answer is right, else 0.
    """
    known = classifiers(len(objects.train))
    replied = ask_all(systems, list(known.values()), partial(_percent, objects), "other classifiers", threads)

    return {
        name: {
            system: {r: np.stack([seed[number] for seed in seeds]) for r, seeds in by_regime.items()}
            for system, by_regime in replied.items()
        }
        for number, name in enumerate(known)
    }


def _percent(
    objects: LabelledObjects, features: NDArray[np.float32], classifier: ClassifierMixin
) -> NDArray[np.float64]:
    train, test = objects.train, objects.test
    predicted = classifier.fit(features[train], objects.labels[train]).predict(features[test])
    return np.where(predicted == objects.labels[test], 100.0, 0.0)
