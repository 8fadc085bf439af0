"""The suites: lists of questions, each a number of splits, pose regimes and a classifier."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import nan

from crossjepa.errors import UserError
from crossjepa.probe.classifiers import Rows
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.splits import (
    QUERIES,
    Split,
    crosspoint_pools,
    draw_trial,
    few_labels,
    fixed_split,
    folds_if_enough,
    library_splits,
    nested_subsets,
    point_bert_pools,
    repeated_folds,
    usable_classes,
)
from crossjepa.probe.systems import Reading

WAYS, SHOTS, TRIALS = (5, 10), (10, 20), 10
PERCENTS, DRAWS = (1, 5, 10, 25, 50, 100), 5
CANONICAL = ("canonical",)


@dataclass(frozen=True)
class Question:
    """Splits that are put to every system.

    Attributes:
        name: key of the question.
        title, description: for people.
        classifier: see `classifiers.classifier`.
        candidates: Cs to choose from, ascending.
        splits: rows to train and test on; none if the data set cannot answer it.
        regimes: pose regimes of train and test clouds; systems without one are not asked in it.
        systems: names of the systems to ask; all if empty.
        note: why there are no splits.
    """

    name: str
    title: str
    description: str
    classifier: str
    candidates: Sequence[float]
    splits: Sequence[Split]
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

    @property
    def ask(self) -> Callable[..., Question]:
        """A question to the protocol's classifier."""
        published = [self.protocol.published_C] if self.probe.published_C else sorted(set(self.probe.C))
        return partial(Question, classifier=self.protocol.classifier, candidates=published)

    @property
    def folds(self) -> str:
        """The repeated cross-validation in words."""
        return f"{self.probe.repeats} x {self.probe.folds} grouped folds over all labelled objects"


def linear(exam: Exam) -> Iterator[Question]:
    """The linear probe: fixed split, other classifiers, and cross-validation unless the split is official."""
    fixed = fixed_split(exam.objects, exam.probe)
    yield exam.ask("fixed", "fixed split", "the catalog's split", splits=fixed)
    for name, C in (("logistic_regression", 1.0), ("knn", nan)):
        yield Question(
            name, name, "the catalog's split", name, [C], fixed, systems=("encoder", "random_encoder")
        )
    if not exam.objects.split_given:
        folds = repeated_folds(exam.objects, exam.probe)
        yield exam.ask("cross_validation", "cross-validation", exam.folds, splits=folds)


def few_shot(exam: Exam) -> Iterator[Question]:
    """Trials in Point-BERT's style with the protocol's classifier, and in CrossPoint's with its own.

    Raises:
        UserError: if the data set can fill no trial.
    """
    own = partial(Question, classifier="standardised_svc", candidates=[1.0])
    styles = (
        ("point_bert", "Point-BERT", point_bert_pools(exam.objects), exam.ask, "test"),
        ("crosspoint", "CrossPoint", crosspoint_pools(exam.objects), own, "training"),
    )
    asked = []
    for (number, (name, title, pools, ask, tested)), way, shot in product(enumerate(styles), WAYS, SHOTS):
        usable = usable_classes(exam.objects, pools, shot)
        note = (
            f"{way}-way {shot}-shot needs {way} classes with {shot} objects to learn from and {QUERIES} "
            f"queries of other groups; there are {len(usable)}"
        )
        seeds = [
            (exam.probe.seed, number, way, shot, index) for index in range(TRIALS * (len(usable) >= way))
        ]
        trials = [draw_trial(exam.objects, pools, usable, way, shot, seed) for seed in seeds]
        question = ask(
            f"{name} {way}-way {shot}-shot",
            f"{title} style, {way}-way {shot}-shot",
            f"{TRIALS} trials: learns from training objects, asks about {QUERIES} {tested} objects a class",
            splits=[_choosing_C(exam, support, queries, exam.probe.seed) for support, queries in trials],
            note=None if trials else note,
        )
        asked.append(question)
    if not any(question.splits for question in asked):
        raise UserError(f"few-shot: too few labelled objects for any setting ({asked[0].note}); label more")
    yield from asked


def label_efficiency(exam: Exam) -> Iterator[Question]:
    """The test objects, learning from nested shares of the training labels."""
    objects, seed = exam.objects, exam.probe.seed
    draws = [
        nested_subsets(objects.labels, objects.groups, objects.train, PERCENTS, seed + draw)
        for draw in range(DRAWS)
    ]
    for step, percent in enumerate(PERCENTS):
        # All labels can be drawn in one way only.
        subsets = [subsets[step] for subsets in (draws[:1] if percent == 100 else draws)]
        splits = [_choosing_C(exam, rows, objects.test, seed + draw) for draw, rows in enumerate(subsets)]
        largest = "" if exam.probe.published_C or splits[0].inner else "; too few to choose C: the largest"
        sizes = sorted(len(rows) for rows in subsets)
        yield exam.ask(
            f"{percent}%",
            f"{percent}%",
            f"{percent}% of each class's training labels, rounded up to groups; {len(subsets)} draws of "
            f"{sizes[0]} to {sizes[-1]} objects{largest}",
            splits=splits,
        )


def benchmark(exam: Exam) -> Iterator[Question]:
    """What one encoder can answer about the data set that it was pretrained on.

    Raises:
        UserError: if the data set has an official split.
    """
    if exam.objects.split_given:
        raise UserError(
            f"{exam.dataset}: comes with its own split, which is its protocol; a benchmark draws its own; "
            f"probe it instead: results/probe_{exam.dataset}.json"
        )
    folds = repeated_folds(exam.objects, exam.probe)
    for regime, title, text in (
        ("canonical", "canonical", "pretraining saw some of the objects"),
        ("zz", "z/z", "each cloud rotated about the up axis by its own angle"),
        ("partial", "partial", "each cloud cut by a plane and made noisy"),
    ):
        yield exam.ask(regime, title, f"{exam.folds}; {text}", splits=folds, regimes=(regime,))
    if crossing := library_splits(exam.objects, exam.probe):
        text = f"each of {len(crossing)} libraries, learning from the others"
        yield exam.ask("library", "across libraries", text, splits=crossing, regimes=CANONICAL)
    for shots in exam.benchmark.labels:
        few = few_labels(exam.objects, shots, exam.probe)
        text = f"{exam.folds}, learning from at most {shots} objects a class"
        yield exam.ask(f"labels_{shots}", f"{shots} a class", text, splits=few, regimes=CANONICAL)


def inductive(exam: Exam) -> Iterator[Question]:
    """One split whose test objects the pretraining of its encoder did not see."""
    text = "test objects of seeded splits, each with an encoder whose pretraining did not see them"
    fixed = fixed_split(exam.objects, exam.probe)
    yield exam.ask("inductive", "inductive", text, splits=fixed, regimes=CANONICAL)


def elsewhere(exam: Exam) -> Iterator[Question]:
    """Cross-validation on another data set than that of pretraining."""
    folds = repeated_folds(exam.objects, exam.probe)
    text = f"{exam.folds} of the data set {exam.dataset}"
    yield exam.ask("elsewhere", exam.dataset, text, splits=folds, regimes=CANONICAL)


def sweep(exam: Exam) -> Iterator[Question]:
    """Cross-validation, or the official split, for the variants of a sweep."""
    official = exam.objects.split_given
    splits = (fixed_split if official else repeated_folds)(exam.objects, exam.probe)
    yield exam.ask("sweep", "sweep", "the official split" if official else exam.folds, splits=splits)


def _choosing_C(exam: Exam, train: Rows, test: Rows, seed: int) -> Split:
    return Split(train, test, folds_if_enough(exam.objects, train, exam.probe.folds, seed))


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
