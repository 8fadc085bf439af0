"""The questions: which objects to learn from, which to answer for, and how the answers are scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossjepa.benchmark.evidence import Compared
from crossjepa.benchmark.result import Cell, Column
from crossjepa.probe.ask import answer_all
from crossjepa.probe.folds import Split, folds_if_enough, grouped_folds, nested_folds
from crossjepa.probe.intervals import group_interval
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.result import Gain
from crossjepa.probe.settings import ProbeSettings

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """What every row answered to one question.

    Attributes:
        scores: by row, (seeds, answers): 100 where the answer is right, else 0.
        groups: (answers,) the group of near-duplicates that each answer's object belongs to.
        ids: (answers,) the ids of those objects.
    """

    scores: dict[str, Scores]
    groups: NDArray[np.int64]
    ids: NDArray[np.str_]


def repeated_folds(objects: LabelledObjects, settings: ProbeSettings) -> list[Split]:
    """Grouped folds over all labelled objects, repeated; each chooses C inside its training part."""
    return [
        split
        for repeat in range(settings.repeats)
        for split in nested_folds(objects.labels, objects.groups, settings.folds, settings.seed + repeat)
    ]


def fixed_split(objects: LabelledObjects, settings: ProbeSettings) -> list[Split]:
    """The catalog's split, with folds of its training part to choose C with."""
    inner = grouped_folds(objects.labels, objects.groups, objects.train, settings.folds, settings.seed)
    return [Split(objects.train, objects.test, inner)]


def library_splits(
    objects: LabelledObjects, libraries: NDArray[np.str_], settings: ProbeSettings
) -> list[Split]:
    """Each library in turn is answered for, by what the others teach.

    Objects of classes that no other library has are left out, and so are near-duplicates elsewhere.

    Args:
        objects: the N labelled objects.
        libraries: (N,) where each comes from.
        settings: folds and seed.

    Returns:
        A split for each library that shares a class with others; none where there is a single one.
    """
    splits = []
    for library in np.unique(libraries):
        tested = libraries == library
        taught = ~tested & ~np.isin(objects.groups, objects.groups[tested])
        test = np.flatnonzero(tested & np.isin(objects.labels, objects.labels[taught]))
        train = np.flatnonzero(taught)
        if len(test) and len(np.unique(objects.labels[train])) > 1:
            inner = folds_if_enough(objects.labels, objects.groups, train, settings.folds, settings.seed)
            splits.append(Split(train, test, inner))
    return splits


def few_labels(objects: LabelledObjects, shots: int, settings: ProbeSettings) -> list[Split]:
    """The repeated folds, learning from so many objects a class at most; too few to choose C with."""
    splits = []
    for number, split in enumerate(repeated_folds(objects, settings)):
        order = np.random.default_rng([settings.seed, number]).permutation(split.train)
        drawn = [order[objects.labels[order] == label][:shots] for label in np.unique(objects.labels[order])]
        splits.append(Split(np.sort(np.concatenate(drawn)), split.test, []))
    return splits


def ask(
    compared: Compared,
    splits: Sequence[Split],
    regime: str,
    title: str,
    protocol: ProbeProtocol,
    settings: ProbeSettings,
    threads: int,
) -> Asked:
    """Put splits to every row that has features in a regime.

    Args:
        compared: the rows.
        splits: what to learn from, and what to answer for.
        regime: the clouds' pose and state.
        title: of the progress bar.
        protocol: the classifier.
        settings: candidates for C.
        threads: classifiers that are fitted at a time.
    """
    objects = compared.objects
    systems = {
        row: [{regime: seed[regime]} for seed in seeds]
        for row, seeds in compared.rows.items()
        if seeds and regime in seeds[0]
    }
    replied = answer_all(systems, [splits], objects.labels, protocol, settings, title, threads)
    tested = np.concatenate([split.test for split in splits])
    truth = objects.labels[tested]
    scores = {
        row: np.stack(
            [100.0 * (np.concatenate([a.labels for a in seed[0]]) == truth) for seed in by_regime[regime]]
        )
        for row, by_regime in replied.items()
    }
    return Asked(scores, objects.groups[tested], np.array(objects.ids)[tested])


def pool(parts: Sequence[Asked]) -> Asked:
    """The answers of several splits, each with encoders of its own, taken together."""
    return Asked(
        scores={row: np.hstack([part.scores[row] for part in parts]) for row in parts[0].scores},
        groups=np.concatenate([part.groups for part in parts]),
        ids=np.concatenate([part.ids for part in parts]),
    )


def summarise(asked: Asked, title: str, question: str, settings: ProbeSettings) -> Column:
    """A column of the table: means, deviations over seeds, paired intervals over groups."""

    def interval(scores: Scores) -> tuple[float, float]:
        return group_interval(scores, asked.groups, settings.bootstrap, settings.seed)

    random = asked.scores["random_weights"].mean(axis=0)

    def cell(row: str, scores: Scores) -> Cell:
        mean, seeds = scores.mean(axis=0), scores.mean(axis=1)
        gain = Gain(mean=float((mean - random).mean()), ci95=interval(mean - random))
        return Cell(
            mean=float(mean.mean()),
            sd=float(seeds.std(ddof=1)) if len(seeds) > 1 else None,
            ci95=interval(mean),
            seeds=len(seeds),
            over_random=None if row == "random_weights" else gain,
        )

    return Column(
        title=title,
        question=question,
        objects=len(np.unique(asked.ids)),
        answers=len(asked.groups),
        cells={row: cell(row, scores) for row, scores in asked.scores.items()},
    )
