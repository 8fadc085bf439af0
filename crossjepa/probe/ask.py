"""The same questions to the features of every system, pose regime and seed, side by side."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from crossjepa.probe.folds import Split
from crossjepa.probe.linear import Labels, Machine, choose_C, machine, share_threads
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import ProbeSettings
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays

Task = TypeVar("Task")
Reply = TypeVar("Reply")


class Answer(NamedTuple):
    """The labels of a split's test rows, and the C of the classifier that gave them."""

    labels: Labels
    C: float


def ask_all(
    systems: Mapping[str, Sequence[Arrays]],
    tasks: Sequence[Task],
    ask: Callable[[NDArray[np.float32], Task], Reply],
    description: str,
    jobs: int,
) -> dict[str, dict[str, list[list[Reply]]]]:
    """Put every task to every system's features.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        tasks: what to ask.
        ask: from features and a task to a reply.
        description: of the progress bar.
        jobs: processes that ask.

    Returns:
        By system and regime, the replies of each seed (outer list) to each task (inner list).
    """
    keys = [(system, regime) for system, seeds in systems.items() for regime in seeds[0]]
    calls = [
        delayed(ask)(seed[regime], task)
        for system, regime in keys
        for seed in systems[system]
        for task in tasks
    ]
    running = Parallel(n_jobs=jobs, return_as="generator")(calls)
    replies = iter(list(track(running, len(calls), description, "job")))
    replied: dict[str, dict[str, list[list[Reply]]]] = {}
    for system, regime in keys:
        replied.setdefault(system, {})[regime] = [[next(replies) for _ in tasks] for _ in systems[system]]
    return replied


def answer_splits(
    features: NDArray[np.float32],
    splits: Sequence[Split],
    labels: Labels,
    machine: Callable[[NDArray[np.float32]], Machine],
    candidates: Sequence[float],
    threads: int = 1,
) -> list[Answer]:
    """Classify each split's test rows with the C that its own training rows choose.

    Args:
        features: (N, F).
        splits: rows to learn from, to answer for, and folds to choose C with.
        labels: (N,), read at the training rows only.
        machine: makes a classifier over features.
        candidates: Cs to choose from, ascending.
        threads: fits at a time.
    """
    classifier, answers = machine(features), []
    with warnings.catch_warnings():
        # Few objects of many classes may be just what is asked.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        for split in splits:
            C = choose_C(classifier, labels, split.inner, candidates, threads)
            answers.append(Answer(classifier.predict(labels, split.train, split.test, C), C))
    return answers


def answer_all(
    systems: Mapping[str, Sequence[Arrays]],
    tasks: Sequence[Sequence[Split]],
    labels: Labels,
    protocol: ProbeProtocol,
    settings: ProbeSettings,
    description: str,
    threads: int,
) -> dict[str, dict[str, list[list[list[Answer]]]]]:
    """`ask_all` with the protocol's classifier: for each seed and task, an answer for each of its splits.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        tasks: splits that are asked together.
        labels: (N,), read at the training rows only.
        protocol: the classifier, and its published C.
        settings: candidates for C.
        description: of the progress bar.
        threads: processes that fit classifiers; for many objects threads, which share the features.
    """
    outer, inner = share_threads(len(labels), threads)
    ask = partial(
        answer_splits,
        labels=labels,
        machine=partial(machine, chosen=protocol),
        candidates=candidate_Cs(settings, protocol),
        threads=inner,
    )
    return ask_all(systems, tasks, ask, description, outer)


def candidate_Cs(settings: ProbeSettings, protocol: ProbeProtocol) -> list[float]:
    """The Cs to choose from, ascending; the published one alone where that is asked for."""
    return [protocol.published_C] if settings.published_C else sorted(set(settings.C))
