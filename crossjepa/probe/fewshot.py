"""Few-shot probes: a few objects of a few classes to learn from, in the two styles of the field.

Point-BERT (arXiv 2111.14819, section 4.2) learns from training objects and asks about test objects;
CrossPoint (arXiv 2203.00680, section 4.1) takes both from the training objects. In neither does a query
share a group of near-duplicates with an object that was learned from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.parallel import Parallel, delayed

from crossjepa.errors import UserError
from crossjepa.probe.fewshot_result import (
    Comparison,
    Setting,
    Style,
    TrialGain,
    TrialGains,
    TrialScore,
    TrialScores,
)
from crossjepa.probe.linear import Labels, Rows, machine
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays

WAYS, SHOTS, QUERIES, TRIALS = (5, 10), (10, 20), 20, 10

Accuracies = Mapping[str, Mapping[str, NDArray[np.float64]]]
# From features (S + Q, F), labels (S + Q,) and S to labels (Q,): learns from the first S, answers the others.
Ask = Callable[[NDArray[np.float32], Labels, int], Labels]


@dataclass(frozen=True)
class Trial:
    """One draw: rows to learn from, and rows to ask about."""

    support: Rows
    queries: Rows


@dataclass(frozen=True)
class Pools:
    """Rows that trials are drawn from: to learn from and to ask about; the two may overlap."""

    support: Rows
    queries: Rows


def point_bert_pools(objects: LabelledObjects) -> Pools:
    """Learn from the training objects, ask about the test objects."""
    return Pools(objects.train, objects.test)


def crosspoint_pools(objects: LabelledObjects) -> Pools:
    """Learn from and ask about training objects, less the few whose group has objects of other classes."""
    train = objects.train
    pairs = np.unique(np.stack([objects.groups[train], objects.labels[train]]), axis=1)
    classes = np.bincount(pairs[0])
    pure = train[classes[objects.groups[train]] == 1]
    return Pools(pure, pure)


def usable_classes(objects: LabelledObjects, pools: Pools, shot: int) -> list[int]:
    """Classes with `shot` objects to learn from and, however these are drawn, `QUERIES` to ask about.

    A query must be of another group than all that is learned from, so that drawing an object to learn from
    may use up the whole group as queries.
    """

    def can_fill(label: int) -> bool:
        support, queries = (rows[objects.labels[rows] == label] for rows in (pools.support, pools.queries))
        names, sizes = np.unique(objects.groups[queries], return_counts=True)
        spent = np.sort(sizes[np.isin(names, objects.groups[support])])[::-1][:shot].sum()
        return len(support) >= shot and len(queries) - spent >= QUERIES

    return [label for label in range(len(objects.classes)) if can_fill(label)]


def draw_trial(
    objects: LabelledObjects, pools: Pools, classes: Sequence[int], way: int, shot: int, seed: Sequence[int]
) -> Trial:
    """Draw `way` of the usable classes, and of each `shot` objects and `QUERIES` queries.

    Args:
        objects: the labelled objects.
        pools: the rows to draw from.
        classes: what `usable_classes` gave for `shot`.
        way, shot: the setting.
        seed: equal seeds draw equal trials.
    """
    rng = np.random.default_rng(seed)
    support, queries = [], []
    for label in rng.choice(classes, way, replace=False):
        learned = rng.permutation(pools.support[objects.labels[pools.support] == label])[:shot]
        asked = rng.permutation(pools.queries[objects.labels[pools.queries] == label])
        strangers = asked[~np.isin(objects.groups[asked], objects.groups[learned])]
        support.append(learned)
        queries.append(strangers[:QUERIES])
    return Trial(np.concatenate(support), np.concatenate(queries))


def few_shot(
    systems: Mapping[str, Sequence[Arrays]],
    objects: LabelledObjects,
    protocol: ProbeProtocol,
    seed: int,
    threads: int,
) -> dict[str, Style]:
    """Probe every system in both styles; all meet the same trials.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        protocol: the classifier and C of the Point-BERT style.
        seed: seeds the trials.
        threads: how many encoders are probed at a time.

    Returns:
        `point_bert` and `crosspoint`.

    Raises:
        UserError: if the data set cannot fill any setting of any style.
    """
    described = {"svc": "SVC(kernel='linear')", "linear_svc": "LinearSVC"}[protocol.classifier]
    styles = {
        "point_bert": Style(
            source="Point-BERT, arXiv 2111.14819",
            drawn="learns from training objects, asks about test objects",
            classifier=f"{described}, C = {protocol.published_C}",
            settings=_settings(
                systems, objects, point_bert_pools(objects), machine_of(protocol), (seed, 0), threads
            ),
        ),
        "crosspoint": Style(
            source="CrossPoint, arXiv 2203.00680",
            drawn="learns from and asks about training objects",
            classifier="StandardScaler, SVC(kernel='linear'), C = 1",
            settings=_settings(
                systems, objects, crosspoint_pools(objects), scaled_machine, (seed, 1), threads
            ),
        ),
    }
    reasons = [setting.reason for style in styles.values() for setting in style.settings]
    if None not in reasons:
        raise UserError(f"few-shot: too few labelled objects for any setting ({reasons[0]}); label more")
    return styles


def machine_of(protocol: ProbeProtocol) -> Ask:
    """The protocol's classifier with its published C."""

    def ask(features: NDArray[np.float32], labels: Labels, learned: int) -> Labels:
        rows = np.arange(len(features))
        classifier = machine(features, protocol)
        return classifier.predict(labels, rows[:learned], rows[learned:], protocol.published_C)

    return ask


def scaled_machine(features: NDArray[np.float32], labels: Labels, learned: int) -> Labels:
    """CrossPoint's classifier: standardised by what is learned from, C = 1. See `Ask`."""
    fitted = make_pipeline(StandardScaler(), SVC(kernel="linear", C=1.0))
    predicted: Labels = fitted.fit(features[:learned], labels[:learned]).predict(features[learned:])
    return predicted


def _settings(
    systems: Mapping[str, Sequence[Arrays]],
    objects: LabelledObjects,
    pools: Pools,
    ask: Ask,
    seed: tuple[int, int],
    threads: int,
) -> list[Setting]:
    """Every setting of one style."""
    usable = {shot: usable_classes(objects, pools, shot) for shot in SHOTS}
    trials = {
        (way, shot): [
            draw_trial(objects, pools, usable[shot], way, shot, (*seed, way, shot, index))
            for index in range(TRIALS)
        ]
        for way, shot in product(WAYS, SHOTS)
        if len(usable[shot]) >= way
    }
    keys = [(system, regime) for system, seeds in systems.items() for regime in seeds[0]]
    jobs = [
        delayed(_answer)(features[regime], objects.labels, drawn, ask)
        for drawn in trials.values()
        for system, regime in keys
        for features in systems[system]
    ]
    # Threads, as the features are large and libsvm leaves Python's lock alone.
    running = Parallel(n_jobs=threads, prefer="threads", return_as="generator")(jobs)
    answered = track(running, len(jobs), "few-shot", "encoder")
    scores: dict[tuple[int, int], Accuracies] = {}
    for setting in trials:
        accuracies: dict[str, dict[str, NDArray[np.float64]]] = {}
        for system, regime in keys:
            seeds = [next(answered) for _ in systems[system]]
            accuracies.setdefault(system, {})[regime] = np.mean(seeds, axis=0)
        scores[setting] = accuracies
    next(answered, None)  # closes the bar
    return [
        _setting(way, shot, scores.get((way, shot)), len(usable[shot])) for way, shot in product(WAYS, SHOTS)
    ]


def _answer(
    features: NDArray[np.float32], labels: Labels, trials: Sequence[Trial], ask: Ask
) -> NDArray[np.float64]:
    """(trials,) accuracies in percent."""
    accuracies = []
    for trial in trials:
        rows = np.concatenate([trial.support, trial.queries])
        predicted = ask(features[rows], labels[rows], len(trial.support))
        accuracies.append(100 * float((predicted == labels[trial.queries]).mean()))
    return np.array(accuracies)


def _setting(way: int, shot: int, accuracies: Accuracies | None, usable: int) -> Setting:
    """From each system's (trials,) accuracies by regime to the result."""
    if accuracies is None:
        reason = (
            f"{way}-way {shot}-shot needs {way} classes with {shot} objects to learn from and {QUERIES} "
            f"queries of other groups; there are {usable}"
        )
        return Setting(way=way, shot=shot, scores=None, reason=reason)
    known: dict[str, Any] = {"teacher_views": None}
    known |= {system: _scores(by_regime) for system, by_regime in accuracies.items()}
    gains = {
        regime: TrialGain(**_moments(ours - accuracies["random_encoder"][regime]))
        for regime, ours in accuracies["encoder"].items()
    }
    scores = Comparison(**known, gain_over_random=TrialGains(**gains))
    return Setting(way=way, shot=shot, scores=scores, reason=None)


def _scores(by_regime: Mapping[str, NDArray[np.float64]]) -> TrialScores:
    known: dict[str, Any] = {"zz": None}
    return TrialScores(
        **known | {regime: TrialScore(**_moments(values)) for regime, values in by_regime.items()}
    )


def _moments(values: NDArray[np.float64]) -> dict[str, float]:
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
