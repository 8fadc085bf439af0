"""Every question of the benchmark, put to every row that can answer it."""

from dataclasses import dataclass

from crossjepa.benchmark.columns import (
    Asked,
    ask,
    few_labels,
    fixed_split,
    library_splits,
    pool,
    repeated_folds,
    summarise,
)
from crossjepa.benchmark.evidence import Bundles, Compared, Evidence, baselines, compare, libraries, ours
from crossjepa.benchmark.result import Column, Point
from crossjepa.probe.features import bundled_features
from crossjepa.probe.folds import Split
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings


@dataclass(frozen=True)
class Examiner:
    """Asks questions in one way: the same classifier, candidates for C, bootstrap and threads."""

    protocol: ProbeProtocol
    settings: ProbeSettings
    threads: int

    def ask(self, compared: Compared, splits: list[Split], title: str, regime: str = "canonical") -> Asked:
        """Put splits to every row that has features in a regime."""
        return ask(compared, splits, regime, title, self.protocol, self.settings, self.threads)

    def column(
        self, compared: Compared, splits: list[Split], title: str, question: str, regime: str = "canonical"
    ) -> Column:
        """The same as a column of the table."""
        return summarise(self.ask(compared, splits, title, regime), title, question, self.settings)


def compare_rows(bundles: Bundles, protocol: ProbeProtocol) -> Compared:
    """All rows of one data set."""
    return compare(bundles.catalog, ours(bundles.trained) | baselines(bundles), protocol)


def all_columns(
    compared: Compared, given: Evidence, settings: BenchmarkSettings, examiner: Examiner
) -> dict[str, Column]:
    """Every column of the table.

    Args:
        compared: all rows of the data set.
        given: where the rest lies.
        settings: labels a class, and the other data set.
        examiner: asks.
    """
    objects, probe = compared.objects, examiner.settings
    folds = repeated_folds(objects, probe)
    many = f"{probe.repeats} x {probe.folds} grouped folds over all labelled objects"
    columns = {
        "canonical": examiner.column(compared, folds, "canonical", f"{many}; pretraining saw some"),
        "zz": examiner.column(compared, folds, "z/z", f"{many}, each turned about up by its own angle", "zz"),
        "inductive": _inductive(given, examiner),
    }
    if crossing := library_splits(objects, libraries(given.probed.catalog, objects.ids), probe):
        question = f"each of {len(crossing)} libraries, by what the others teach"
        columns["library"] = examiner.column(compared, crossing, "across libraries", question)
    question = f"{many}, each cut by a plane and made noisy"
    columns["partial"] = examiner.column(compared, folds, "partial", question, "partial")
    for shots in settings.labels:
        few = few_labels(objects, shots, probe)
        question = f"{many}, learning from {shots} objects a class at most"
        columns[f"labels_{shots}"] = examiner.column(compared, few, f"{shots} a class", question)
    other = compare_rows(given.elsewhere, examiner.protocol)
    question = f"{probe.repeats} x {probe.folds} grouped folds of the data set {settings.elsewhere}"
    again = repeated_folds(other.objects, probe)
    columns["elsewhere"] = examiner.column(other, again, settings.elsewhere, question)
    return columns


def _inductive(given: Evidence, examiner: Examiner) -> Column:
    """Test objects that pretraining never saw, split by split, each with an encoder of its own."""
    parts = []
    for number, split in enumerate(given.splits, start=1):
        rows = ours([split.features]) | baselines(given.probed)
        del (rows["shuffled_targets"], rows["random_teacher"])  # they saw what other splits test
        compared = compare(split.catalog, rows, examiner.protocol)
        parts.append(
            examiner.ask(compared, fixed_split(compared.objects, examiner.settings), f"inductive {number}")
        )
    question = f"{len(parts)} seeded splits, each with a pretraining that did not see its test objects"
    return summarise(pool(parts), "inductive", question, examiner.settings)


def curve(given: Evidence, examiner: Examiner, epochs: int, steps: int) -> list[Point]:
    """The probe of one seed's tokens after some epochs, and at the end.

    Args:
        given: snapshots by epoch, and the finished encoder of the same seed.
        examiner: asks.
        epochs, steps: of the finished encoder.
    """

    def accuracy(compared: Compared, epoch: int, regime: str) -> float:
        folds = repeated_folds(compared.objects, examiner.settings)
        asked = examiner.ask(compared, folds, f"epoch {epoch}, {regime}", regime)
        return float(asked.scores["tokens"].mean())

    points, regimes = [], ("canonical", "zz")
    for epoch, path in sorted((given.snapshots | {epochs: given.probed.trained[0]}).items()):
        rows = {"tokens": [bundled_features(path, "tokens", regimes)]}
        compared = compare(given.probed.catalog, rows, examiner.protocol)
        canonical, zz = (accuracy(compared, epoch, regime) for regime in regimes)
        points.append(Point(epoch=epoch, step=round(epoch / epochs * steps), canonical=canonical, zz=zz))
    return points
