"""What every compared system predicts, on the fixed split and in repeated grouped cross-validation.

All systems meet the same objects, folds and candidates for C, so that their scores can be paired.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossjepa.config import ProbeConfig
from crossjepa.probe.folds import Split, grouped_folds, nested_folds
from crossjepa.probe.linear import Labels, choose_C
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import PROTOCOLS
from crossjepa.progress import bar
from crossjepa.store.bundle import Arrays

NOT_TESTED = -1


@dataclass(frozen=True)
class Answers:
    """What one system said in one pose regime.

    Attributes:
        fixed: (seeds, test objects) int64 labels on the fixed split.
        held_out: (seeds, repeats, N) int64 label of each object when its fold was held out.
        chosen_C: for each seed, the C chosen on the fixed split; empty for the majority class.
    """

    fixed: Labels
    held_out: Labels
    chosen_C: list[float]


def evaluate(
    systems: Mapping[str, Sequence[Arrays]], objects: LabelledObjects, settings: ProbeConfig, threads: int
) -> dict[str, dict[str, Answers]]:
    """Probe every system, and the majority class beside them.

    Test labels are read for nothing but scoring: neither a fit nor the choice of a C sees them.

    Args:
        systems: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        objects: the N labelled objects, in the features' order.
        settings: protocol, candidates for C, folds, repeats and seed.
        threads: classifiers fitted at a time.

    Returns:
        Answers by system and regime.

    Raises:
        UserError: if there are too few groups to cross-validate with.
    """
    labels, tasks = objects.labels, _tasks(objects, settings)
    protocol, candidates = PROTOCOLS[settings.protocol], sorted(set(settings.C))
    total = sum(map(len, tasks)) * sum(len(features) for seeds in systems.values() for features in seeds)
    with ThreadPoolExecutor(threads) as pool, bar(total, "probe", "split") as progress:

        def answer(features: NDArray[np.float32]) -> tuple[Labels, float]:
            """(1 + repeats, N) labels, and the C of the fixed split."""
            prepared = protocol.prepare(features)

            def fit(split: Split) -> tuple[Labels, float]:
                C = choose_C(protocol.predict, prepared, labels, split.inner, candidates)
                predicted = protocol.predict(prepared, labels, split.train, split.test, [C])[0]
                progress.update()
                return predicted, C

            # Threads suffice: libsvm lets go of the interpreter while it fits.
            fitted = list(pool.map(fit, [split for splits in tasks for split in splits]))
            return _gather([predicted for predicted, _ in fitted], tasks, len(labels)), fitted[0][1]

        def collect(answered: Sequence[tuple[Labels, float]]) -> Answers:
            predicted = np.stack([rows for rows, _ in answered])
            return Answers(predicted[:, 0, objects.test], predicted[:, 1:], [C for _, C in answered])

        answers = {
            system: {regime: collect([answer(f[regime]) for f in seeds]) for regime in seeds[0]}
            for system, seeds in systems.items()
        }
    common = [np.full(len(s.test), np.bincount(labels[s.train]).argmax()) for splits in tasks for s in splits]
    rows = _gather(common, tasks, len(labels))[None]
    majority = Answers(rows[:, 0, objects.test], rows[:, 1:], [])
    return {**answers, "majority": {"canonical": majority, "zz": majority}}


def _tasks(objects: LabelledObjects, settings: ProbeConfig) -> list[list[Split]]:
    """The fixed split, then the folds of every repeat: each task tests an object once at most."""
    labels, groups, folds, seed = objects.labels, objects.groups, settings.folds, settings.seed
    inner = grouped_folds(labels, groups, objects.train, folds, seed)
    repeats = [nested_folds(labels, groups, folds, seed + repeat) for repeat in range(settings.repeats)]
    return [[Split(objects.train, objects.test, inner)], *repeats]


def _gather(predicted: Sequence[Labels], tasks: Sequence[Sequence[Split]], count: int) -> Labels:
    """Lay out the predictions of all splits in turn as (tasks, objects)."""
    gathered, remaining = np.full((len(tasks), count), NOT_TESTED), iter(predicted)
    for row, splits in zip(gathered, tasks, strict=True):
        for split in splits:
            row[split.test] = next(remaining)
    return gathered
