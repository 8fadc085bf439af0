"""The JSON that a benchmark writes: this model is its schema and its documentation."""

from typing import Annotated

from pydantic import Field

from crossjepa.probe.result import Count, Gain, Head, Part, Percent, Provenance

# Every row, and how it is called for people.
ROWS: dict[str, str] = {
    "tokens": "pretrained: tokens",
    "imagined": "pretrained: imagined views",
    "tokens_and_imagined": "pretrained: tokens beside imagined views",
    "random_weights": "random weights",
    "geometry": "geometry (D2, extents)",
    "teacher_one_view": "teacher, one view",
    "teacher_views": "teacher, mean of views",
    "shuffled_targets": "control: shuffled targets",
    "random_teacher": "control: random-weight teacher",
}
OURS = ("tokens", "imagined", "tokens_and_imagined")


class Cell(Part):
    """Accuracy of one row in one column, in percent."""

    mean: Percent = Field(description="Mean over seeds.")
    sd: Percent | None = Field(description="Standard deviation over seeds; null for a single one.")
    ci95: tuple[Percent, Percent] = Field(
        description="Bootstrap interval over groups of near-duplicates; those of one column are paired."
    )
    seeds: Count = Field(description="Encoders, or views of the teacher, that the mean is over.")
    over_random: Gain | None = Field(description="Gain over random weights; null for that row itself.")


class Column(Part):
    """One question, put to every row that can answer it, on the same objects and folds."""

    title: str
    question: str
    objects: Count = Field(description="Objects that are asked about.")
    answers: Count = Field(description="Answers of each encoder: objects times repeats.")
    cells: dict[str, Cell] = Field(description="By row, one of `ROWS`.")


class Found(Part):
    """How often a view's object is found by what each object is imagined to look like from there."""

    gallery: Count
    queries: Count
    top1: Percent
    top5: Percent
    ci95: tuple[Percent, Percent] = Field(description="Of top-1; bootstrap interval over groups.")
    chance: Percent = Field(description="Of top-1.")


class Retrieval(Part):
    """One encoder's answers among objects that it saw in pretraining, and among as many that it did not."""

    seen: Found
    unseen: Found


class Point(Part):
    """The probe of one seed's tokens on the way, in cross-validation."""

    epoch: Count
    step: Count
    canonical: Percent
    zz: Percent


class Target(Part):
    """A number to reach."""

    row: str
    column: str
    wanted: Percent
    reached: Percent
    met: bool


class BenchmarkResult(Head):
    """Every row in every column."""

    objects: Count = Field(description="Objects that pretraining saw, of all its data sets.")
    datasets: list[str] = Field(description="The data sets that it learned from.")
    steps: Count
    parameters: Count = Field(description="Of the encoder.")
    columns: dict[str, Column]
    retrieval: Retrieval
    curve: list[Point] = Field(description="The probe over training, where snapshots were kept.")
    targets: list[Target]
    pretraining_seconds: Annotated[float, Field(ge=0)] = Field(description="Wall time of one seed, mean.")
    provenance: Provenance
