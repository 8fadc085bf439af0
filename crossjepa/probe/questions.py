"""The suites: lists of questions, each with its splits, pose regimes and classifier."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import nan

from crossjepa.errors import UserError
from crossjepa.probe import splits as draw
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.splits import Split
from crossjepa.probe.systems import Reading

WAYS, SHOTS, TRIALS = (5, 10), (10, 20), 10
PERCENTS, DRAWS = (1, 5, 10, 25, 50, 100), 5
CANONICAL = ("canonical",)


@dataclass(frozen=True)
class Question:
    """Splits on which all systems are compared.

    Attributes:
        name: key of the question.
        title, description: text for tables and plots.
        splits: rows to train and test on; empty if the data set has too few objects.
        classifier: see `classifiers.classifier`.
        candidates: Cs to choose from, ascending.
        regimes: pose regimes of train and test clouds; a regime skips systems that lack it.
        systems: names of the systems to ask; all if empty.
        note: why there are no splits.
    """

    name: str
    title: str
    description: str
    splits: Sequence[Split]
    classifier: str
    candidates: Sequence[float]
    regimes: tuple[str, ...] = ("canonical", "zz")
    systems: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Exam:
    """All that the questions of a suite depend on."""

    dataset: str
    objects: LabelledObjects
    protocol: ProbeProtocol
    probe: ProbeSettings
    benchmark: BenchmarkSettings

    @cached_property
    def machine(self) -> tuple[str, list[float]]:
        """The protocol's classifier, and the Cs that it may choose from."""
        published = self.protocol.published_C if self.probe.published_C else None
        return self.protocol.classifier, [published] if published else sorted(set(self.probe.C))

    @cached_property
    def fixed(self) -> list[Split]:
        """The catalog's split, with folds of its training rows to choose C with."""
        objects, probe = self.objects, self.probe
        inner = draw.grouped_folds(objects.labels, objects.groups, objects.train, probe.folds, probe.seed)
        return [Split(objects.train, objects.test, inner)]

    @cached_property
    def folds(self) -> list[Split]:
        """Repeated cross-validation over all labelled objects."""
        return draw.repeated_folds(self.objects, self.probe)

    @property
    def about_folds(self) -> str:
        """The repeated cross-validation in words."""
        return f"{self.probe.repeats} x {self.probe.folds} grouped folds over all labelled objects"


def linear(exam: Exam) -> Iterator[Question]:
    """The linear probe: fixed split, other classifiers, and cross-validation unless the split is official."""
    fixed, both = "the catalog's split", ("encoder", "random_encoder")
    yield Question("fixed", "fixed split", fixed, exam.fixed, *exam.machine)
    for name, C in (("logistic_regression", 1.0), ("knn", nan)):
        yield Question(name, name, fixed, exam.fixed, name, [C], systems=both)
    if not exam.objects.split_given:
        yield Question("cross_validation", "cross-validation", exam.about_folds, exam.folds, *exam.machine)


def few_shot(exam: Exam) -> Iterator[Question]:
    """Trials in Point-BERT's style with the protocol's classifier, in CrossPoint's with CrossPoint's own.

    Point-BERT (arXiv 2111.14819, section 4.2) tests on test objects, CrossPoint on training objects.

    Raises:
        UserError: if the data set is too small for any trial.
    """
    objects, folds, first, notes = exam.objects, exam.probe.folds, exam.probe.seed, []
    own = ("standardised_svc", [1.0])
    styles = (
        ("point_bert", "Point-BERT", (objects.train, objects.test), exam.machine, "test"),
        ("crosspoint", "CrossPoint", draw.crosspoint_pools(objects), own, "training"),
    )
    for (number, (name, title, pools, machine, tested)), way, shot in product(enumerate(styles), WAYS, SHOTS):
        usable = draw.usable_classes(objects, pools, shot)
        seeds = [(first, number, way, shot, trial) for trial in range(TRIALS)] if len(usable) >= way else []
        trials = [draw.draw_trial(objects, pools, usable, way, shot, seed) for seed in seeds]
        lacking = (
            f"{way}-way {shot}-shot needs {way} classes with {shot} training objects and "
            f"{draw.QUERIES} queries of other groups; there are {len(usable)}"
        )
        notes.append(None if trials else lacking)
        splits = [draw.choosing_C(objects, *trial, folds, first) for trial in trials]
        key, setting = f"{name} {way}-way {shot}-shot", f"{title} style, {way}-way {shot}-shot"
        text = f"{TRIALS} trials, each tested on {draw.QUERIES} {tested} objects a class"
        yield Question(key, setting, text, splits, machine[0], machine[1], note=notes[-1])
    if None not in notes:
        raise UserError(f"few-shot: too few labelled objects for any setting ({notes[0]}); label more")


def label_efficiency(exam: Exam) -> Iterator[Question]:
    """Accuracy on the test objects when training on nested subsets of the labels."""
    objects, seeds = exam.objects, range(exam.probe.seed, exam.probe.seed + DRAWS)
    labels, groups, folds = objects.labels, objects.groups, exam.probe.folds
    draws = [draw.nested_subsets(labels, groups, objects.train, PERCENTS, seed) for seed in seeds]
    for percent, *subsets in zip(PERCENTS, *draws, strict=True):
        # All draws of 100% are the same.
        drawn = list(zip(subsets, seeds, strict=True))[: 1 if percent == 100 else DRAWS]
        splits = [draw.choosing_C(objects, rows, objects.test, folds, seed) for rows, seed in drawn]
        sizes = sorted(len(split.train) for split in splits)
        text = f"{percent}% of each class's training labels, rounded up to groups; "
        text += f"{len(splits)} draws of {sizes[0]} to {sizes[-1]} objects"
        if len(exam.machine[1]) > 1 and not splits[0].inner:
            text += "; too few to choose C, so it is the largest"
        yield Question(f"{percent}%", f"{percent}%", text, splits, *exam.machine)


def benchmark(exam: Exam) -> Iterator[Question]:
    """Accuracy on the data set that the encoder was pretrained on.

    Raises:
        UserError: if the data set has an official split.
    """
    if exam.objects.split_given:
        raise UserError(
            f"{exam.dataset}: has an official split, but a benchmark draws its own splits; "
            f"probe it instead: results/probe_{exam.dataset}.json"
        )
    for regime, title, text in (
        ("canonical", "canonical", "pretraining saw some of the objects"),
        ("zz", "z/z", "each cloud rotated about the up axis by its own angle"),
        ("partial", "partial", "each cloud cut by a plane and made noisy"),
    ):
        text = f"{exam.about_folds}; {text}"
        yield Question(regime, title, text, exam.folds, *exam.machine, regimes=(regime,))
    if crossing := draw.library_splits(exam.objects, exam.probe):
        text = f"each of {len(crossing)} libraries, learning from the others"
        yield Question("library", "across libraries", text, crossing, *exam.machine, CANONICAL)
    for shots in exam.benchmark.labels:
        splits = draw.few_labels(exam.objects, shots, exam.probe)
        text = f"{exam.about_folds}, learning from at most {shots} objects a class"
        yield Question(f"labels_{shots}", f"{shots} a class", text, splits, *exam.machine, CANONICAL)


def inductive(exam: Exam) -> Iterator[Question]:
    """One split, with an encoder whose pretraining did not see the test objects."""
    text = "test objects of seeded splits, each with an encoder whose pretraining did not see them"
    yield Question("inductive", "inductive", text, exam.fixed, *exam.machine, CANONICAL)


def elsewhere(exam: Exam) -> Iterator[Question]:
    """Cross-validation on a data set that was not pretrained on."""
    text = f"{exam.about_folds} of the data set {exam.dataset}"
    yield Question("elsewhere", exam.dataset, text, exam.folds, *exam.machine, CANONICAL)


def sweep(exam: Exam) -> Iterator[Question]:
    """Cross-validation, or the official split, for the variants of a sweep."""
    official = exam.objects.split_given
    text, splits = ("the official split", exam.fixed) if official else (exam.about_folds, exam.folds)
    yield Question("sweep", "sweep", text, splits, *exam.machine)


# Each suite's questions, and the features that they need.
SUITES: dict[str, tuple[Callable[[Exam], Iterator[Question]], Reading]] = {
    "linear": (linear, Reading(needs=("trained", "random", "geometry"), majority=True)),
    "few_shot": (few_shot, Reading(imagined=False)),
    "label_efficiency": (label_efficiency, Reading(imagined=False)),
    "benchmark": (benchmark, Reading(("canonical", "zz", "partial"), each_view=True)),
    "inductive": (inductive, Reading(CANONICAL, each_view=True)),
    "elsewhere": (elsewhere, Reading(CANONICAL, each_view=True)),
    "sweep": (sweep, Reading(needs=("trained",), sweep=True)),
}
