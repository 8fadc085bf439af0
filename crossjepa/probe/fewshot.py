"""Few-shot probes: a few objects of a few classes to learn from, in the two styles of the field.

Point-BERT (arXiv 2111.14819, section 4.2) learns from training objects and asks about test objects;
CrossPoint (arXiv 2203.00680, section 4.1) takes both from the training objects. In neither does a query
share a group of near-duplicates with an object that was learned from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.probe.ask import answer_splits, ask_all, candidate_Cs
from crossjepa.probe.fewshot_result import (
    Comparison,
    Setting,
    Style,
    TrialGain,
    TrialGains,
    TrialScore,
    TrialScores,
)
from crossjepa.probe.folds import Split, folds_if_enough
from crossjepa.probe.linear import Labels, Machine, Rows, StandardisedMachine, machine
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import ProbeSettings
from crossjepa.store.bundle import Arrays

WAYS, SHOTS, QUERIES, TRIALS = (5, 10), (10, 20), 20, 10

Accuracies = Mapping[str, Mapping[str, NDArray[np.float64]]]
Machines = Callable[[NDArray[np.float32]], Machine]


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
) -> tuple[Rows, Rows]:
    """Draw `way` of the usable classes, and of each `shot` objects to learn from and `QUERIES` queries.

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
    return np.concatenate(support), np.concatenate(queries)


def few_shot(
    systems: Mapping[str, Sequence[Arrays]],
    objects: LabelledObjects,
    protocol: ProbeProtocol,
    settings: ProbeSettings,
    threads: int,
) -> dict[str, Style]:
    """Probe every system in both styles; all meet the same trials.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        protocol: the classifier of the Point-BERT style.
        settings: its candidates for C, folds and seed.
        threads: how many encoders are probed at a time.

    Returns:
        `point_bert` and `crosspoint`.

    Raises:
        UserError: if the data set cannot fill any setting of any style.
    """
    described = {"svc": "SVC(kernel='linear')", "linear_svc": "LinearSVC"}[protocol.classifier]
    candidates = candidate_Cs(settings, protocol)
    C = f"C = {candidates[0]}" if len(candidates) == 1 else "C chosen inside what is learned from"
    settings_of = partial(_settings, systems, objects, settings, threads)
    styles = {
        "point_bert": Style(
            source="Point-BERT, arXiv 2111.14819",
            drawn="learns from training objects, asks about test objects",
            classifier=f"{described}, {C}",
            settings=settings_of(0, point_bert_pools(objects), partial(machine, chosen=protocol), candidates),
        ),
        "crosspoint": Style(
            source="CrossPoint, arXiv 2203.00680",
            drawn="learns from and asks about training objects",
            classifier="StandardScaler, SVC(kernel='linear'), C = 1",
            settings=settings_of(1, crosspoint_pools(objects), StandardisedMachine, [1.0]),
        ),
    }
    reasons = [setting.reason for style in styles.values() for setting in style.settings]
    if None not in reasons:
        raise UserError(f"few-shot: too few labelled objects for any setting ({reasons[0]}); label more")
    return styles


def _settings(
    systems: Mapping[str, Sequence[Arrays]],
    objects: LabelledObjects,
    settings: ProbeSettings,
    threads: int,
    style: int,
    pools: Pools,
    machine: Machines,
    candidates: Sequence[float],
) -> list[Setting]:
    """Every setting of one style; `style` seeds its trials."""
    usable = {shot: usable_classes(objects, pools, shot) for shot in SHOTS}
    trials: dict[tuple[int, int], list[Split]] = {}
    for way, shot in product(WAYS, SHOTS):
        if len(usable[shot]) < way:
            continue
        seeds = [(settings.seed, style, way, shot, index) for index in range(TRIALS)]
        drawn = [draw_trial(objects, pools, usable[shot], way, shot, seed) for seed in seeds]
        trials[way, shot] = [_split(objects, *trial, settings) for trial in drawn]
    ask = partial(_accuracies, labels=objects.labels, machine=machine, candidates=candidates)
    replied = ask_all(systems, list(trials.values()), ask, "few-shot", threads)
    scores = {
        setting: {
            system: {r: np.mean([seed[number] for seed in seeds], axis=0) for r, seeds in by_regime.items()}
            for system, by_regime in replied.items()
        }
        for number, setting in enumerate(trials)
    }
    return [
        _setting(way, shot, scores.get((way, shot)), len(usable[shot])) for way, shot in product(WAYS, SHOTS)
    ]


def _split(objects: LabelledObjects, support: Rows, queries: Rows, settings: ProbeSettings) -> Split:
    """A trial, with folds of what is learned from to choose C with."""
    labels, groups = objects.labels, objects.groups
    return Split(support, queries, folds_if_enough(labels, groups, support, settings.folds, settings.seed))


def _accuracies(
    features: NDArray[np.float32],
    trials: Sequence[Split],
    labels: Labels,
    machine: Machines,
    candidates: Sequence[float],
) -> NDArray[np.float64]:
    """(trials,) accuracies in percent."""
    answers = answer_splits(features, trials, labels, machine, candidates)
    right = [(a.labels == labels[trial.test]).mean() for a, trial in zip(answers, trials, strict=True)]
    return 100 * np.array(right, dtype=np.float64)


def _setting(way: int, shot: int, accuracies: Accuracies | None, usable: int) -> Setting:
    """From each system's (trials,) accuracies by regime to the result."""
    if accuracies is None:
        reason = (
            f"{way}-way {shot}-shot needs {way} classes with {shot} objects to learn from and {QUERIES} "
            f"queries of other groups; there are {usable}"
        )
        return Setting(way=way, shot=shot, scores=None, reason=reason)
    gains = {
        regime: TrialGain(**_moments(ours - accuracies["random_encoder"][regime]))
        for regime, ours in accuracies["encoder"].items()
    }
    scores = Comparison(
        **{system: _scores(by_regime) for system, by_regime in accuracies.items()},
        gain_over_random=TrialGains(**gains),
    )
    return Setting(way=way, shot=shot, scores=scores, reason=None)


def _scores(by_regime: Mapping[str, NDArray[np.float64]]) -> TrialScores:
    return TrialScores(**{regime: TrialScore(**_moments(v)) for regime, v in by_regime.items()})


def _moments(values: NDArray[np.float64]) -> dict[str, float]:
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
