"""Other classifiers on the same features and fixed split, for comparison with papers that use them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import Parallel, delayed

from crossjepa.probe.objects import LabelledObjects
from crossjepa.progress import track
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
    keys = [(name, s, r) for name in known for s, seeds in systems.items() for r in seeds[0]]
    jobs = [delayed(_right)(known[n], seed[r], objects) for n, s, r in keys for seed in systems[s]]
    running = Parallel(n_jobs=threads, return_as="generator")(jobs)
    answered = track(running, len(jobs), "other classifiers", "job")
    scores: dict[str, dict[str, dict[str, NDArray[np.float64]]]] = {name: {} for name in known}
    for name, system, regime in keys:
        right = [next(answered) for _ in systems[system]]
        scores[name].setdefault(system, {})[regime] = np.stack(right) * np.float64(100)
    next(answered, None)  # closes the bar
    return scores


def _right(
    classifier: ClassifierMixin, features: NDArray[np.float32], objects: LabelledObjects
) -> NDArray[np.bool_]:
    train, test = objects.train, objects.test
    fitted = classifier.fit(features[train], objects.labels[train])
    right: NDArray[np.bool_] = fitted.predict(features[test]) == objects.labels[test]
    return right
