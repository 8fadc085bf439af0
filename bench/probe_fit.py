"""Fitting the probe at ModelNet40's size: which machine, how long, how much memory.

    python bench/probe_fit.py [--objects 9840] [--tested 2468] [--features 768] [--classes 40]

Features are synthetic: a few directions separate the classes, most do not, so that a linear SVM is right
about nine times in ten. Each row runs in a separate process, to measure its memory; all
run on the same machine at one time, so that their ratios hold on other machines.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from sklearn.svm import SVC

from crossjepa.probe.classifiers import (
    Classifier,
    Estimator,
    GramMachine,
    LibsvmMachine,
    choose_C,
    classifier,
)
from crossjepa.probe.splits import grouped_folds

CANDIDATES = [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0]
FOLDS, THREADS = 5, 2


MACHINES: dict[str, Callable[[np.ndarray], Classifier]] = {
    "scikit-learn's SVC": lambda x: Estimator(x.astype(float), lambda C, _: SVC(kernel="linear", C=C)),
    "LibsvmMachine": LibsvmMachine,
    "GramMachine": GramMachine,
    "scikit-learn's LinearSVC": lambda x: classifier("linear_svc", x),
}


def make_features(objects: int, features: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, F) float32 features and (N,) labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, objects)
    telling = rng.normal(size=(classes, 24))[labels] + 1.15 * rng.normal(size=(objects, 24))
    mixed = telling @ rng.normal(size=(24, features)) / 5 + 0.5 * rng.normal(size=(objects, features))
    return mixed.astype(np.float32), labels.astype(np.int64)


def one_fit(name: str, x: np.ndarray, labels: np.ndarray, trained: int, started: float) -> str:
    """One fit with C = 0.01 and its answers to the tested objects."""
    rows = np.arange(len(x))
    (predicted,) = MACHINES[name](x).predict(labels, rows[:trained], rows[trained:], [0.01])
    return _line(name, predicted, labels, started)


def whole_protocol(x: np.ndarray, labels: np.ndarray, trained: int, started: float) -> str:
    """C by 5-fold cross-validation over six candidates, then the fit with it, as the probe does."""
    rows = np.arange(len(x))
    machine = LibsvmMachine(x)
    folds = grouped_folds(labels, rows, rows[:trained], FOLDS, 0)
    C = choose_C(machine, labels, folds, CANDIDATES, THREADS)
    (predicted,) = machine.predict(labels, rows[:trained], rows[trained:], [C])
    return _line(f"whole protocol, C = {C:g}", predicted, labels, started)


def _line(name: str, predicted: np.ndarray, labels: np.ndarray, started: float) -> str:
    seconds = time.perf_counter() - started
    right = 100 * (predicted == labels[-len(predicted) :]).mean()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    answers = hash(predicted.tobytes()) % 10**6
    return f"{name:28} {seconds:8.1f} s  {memory:5.2f} GB  {right:5.1f}% right  answers {answers:06}"


def main() -> None:
    """Run every row in a separate process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in {"objects": 9840, "tested": 2468, "features": 768, "classes": 40}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.row:
        x, labels = make_features(asked.objects + asked.tested, asked.features, asked.classes)
        started = time.perf_counter()
        if asked.row == "protocol":
            print(whole_protocol(x, labels, asked.objects, started), flush=True)
        else:
            print(one_fit(asked.row, x, labels, asked.objects, started), flush=True)
        return
    print(f"{asked.objects} + {asked.tested} objects, {asked.features} features, {asked.classes} classes")
    for row in [*MACHINES, "protocol"]:
        subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--row", row], check=True, env={"PYTHONHASHSEED": "0"}
        )


if __name__ == "__main__":
    main()
