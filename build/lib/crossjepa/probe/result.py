"""Schemas of the result files: `ProbeResult` of the linear probe, `TableResult` of all other suites."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic_core import from_json

from crossjepa.errors import UserError
from crossjepa.settings import check

# Systems and metrics: the name in result files, and the name that tables and plots show.
SYSTEMS: dict[str, str] = {
    "encoder": "pretrained: tokens",
    "imagined": "pretrained: imagined views",
    "tokens_and_imagined": "pretrained: tokens beside imagined views",
    "random_encoder": "random weights",
    "geometry": "geometry (D2, extents)",
    "teacher_one_view": "teacher, one view",
    "teacher_views": "teacher, mean of views",
    "shuffled_targets": "control: shuffled targets",
    "random_teacher": "control: random-weight teacher",
    "majority": "majority class",
    "chance": "chance",
}
METRICS: dict[str, str] = {
    "accuracy": "accuracy, %",
    "top1": "top-1, %",
    "top5": "top-5, %",
    "unseen_explained": "explained variance, unseen objects, %",
    "effective_rank": "effective rank",
    "minutes": "minutes a seed",
    "steps": "steps",
    "parameters": "encoder parameters",
}

Percent = Annotated[float, Field(ge=0, le=100)]
Difference = Annotated[float, Field(ge=-100, le=100)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Result = TypeVar("Result", bound="Part")


class Part(BaseModel):
    """A part of a result; unknown keys and values that are not finite are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Git(Part):
    """The Git checkout of the code."""

    commit: str
    dirty: bool = Field(description="Whether tracked files differ from the commit.")


class Provenance(Part):
    """Code, configuration, data, packages and time behind a result."""

    git: Git | None = Field(description="Null outside a checkout.")
    config_hash: Sha256 = Field(description="SHA-256 of the configuration, kept as `configs/<hash>.yaml`.")
    stores: dict[Literal["points", "targets"], Sha256] = Field(
        description="SHA-256 of each store's manifest."
    )
    packages: dict[str, str] = Field(description="Versions by package.")
    device: str | None = Field(description="Device of pretraining; null if it was not recorded.")
    seconds: dict[str, float] = Field(description="Wall seconds by stage, summed over its jobs.")


class Head(Part):
    """The fields that all results share."""

    dataset: str
    data: dict[str, Any] = Field(description="The data set's settings without paths.")
    protocol: str = Field(description="Named protocol: cloud, feature and classifier.")
    protocol_source: str = Field(description="Where it was published.")
    n_train: Count
    n_test: Count
    n_classes: Count
    seeds: list[int] = Field(description="Pretraining seeds, one encoder each.", min_length=1)
    provenance: Provenance


class Accuracy(Part):
    """Share of correctly classified objects."""

    mean: Percent = Field(description="Mean over seeds.")
    sd: Percent | None = Field(description="Standard deviation over seeds; null for a single one.")
    ci95: tuple[Percent, Percent] = Field(description="Bootstrap interval over groups of near-duplicates.")


class Gain(Part):
    """A difference of accuracies on the same objects and folds, in points."""

    mean: Difference
    ci95: tuple[Difference, Difference] = Field(description="Paired bootstrap interval over groups.")


class Regimes(Part):
    """One accuracy a pose regime.

    `canonical` shows objects as the data set poses them. In `zz` every cloud, of training and test, is turned
    by its own seeded angle about the up axis; null for the teacher, whose views are not turned.
    """

    canonical: Accuracy
    zz: Accuracy | None = None


class Gains(Part):
    """One gain a pose regime."""

    canonical: Gain
    zz: Gain


class OtherFeatures(Part):
    """Other features of the same encoder, from the same clouds."""

    imagined: Regimes = Field(description="The predictor's embeddings for a fixed ring of views, averaged.")
    tokens_and_imagined: Regimes = Field(description="Pooled tokens and imagined views, concatenated.")


class PerSeed(Part):
    """One number a pretraining seed, in the order of `seeds`."""

    canonical: list[float]
    zz: list[float]


class Baselines(Part):
    """The baselines, under the same classifier, objects and folds as the encoder.

    `teacher_views`, the image teacher's mean view embedding, is the ceiling; null for data sets of clouds.
    """

    random_encoder: Regimes = Field(description="The same encoder with random weights, over several draws.")
    geometry: Regimes = Field(description="Distribution of distances between points, and extents.")
    teacher_views: Regimes | None = None
    majority: Regimes = Field(description="The most frequent class of the training objects.")


class OtherClassifier(Part):
    """Another classifier on the same features and fixed split."""

    encoder: Regimes
    random_encoder: Regimes


class OtherClassifiers(Part):
    """Classifiers that other papers use."""

    logistic_regression: OtherClassifier = Field(description="Standardised features, C = 1.")
    knn: OtherClassifier = Field(description="The 20 nearest training objects by cosine distance.")


class ClassAccuracy(Part):
    """Size and accuracy of one class on the fixed split, mean over seeds; null without test objects."""

    n_train: Count
    n_test: Count
    canonical: Percent | None
    zz: Percent | None


class Scores(Part):
    """The encoder's accuracies beside the baselines'."""

    accuracy: Regimes = Field(description="Accuracy of the pooled tokens.")
    other_features: OtherFeatures
    baselines: Baselines
    gain_over_random: Gains


class CrossValidation(Scores):
    """Repeated grouped cross-validation over all labelled objects, C nested in each training part."""

    folds: Count = Field(description="Folds; fewer than `probe.folds` if no class has that many groups.")
    repeats: Count
    n_objects: Count
    n_seen: Count = Field(description="Objects whose meshes pretraining saw; it never sees labels.")
    saw_test_objects: StrictBool | Literal["partly"] = Field(description="Whether it saw their meshes.")


class Encoder(Part):
    """The probed encoder."""

    parameters: Count
    config: dict[str, Any]


class Pretraining(Part):
    """The data that the encoder was pretrained on."""

    datasets: list[str]
    objects: Count
    epochs: Count
    same_dataset: bool = Field(description="Whether the probed data set is one of `datasets`.")
    saw_objects: Count = Field(description="Labelled objects whose file pretraining saw.")
    saw_test_objects: Count = Field(description="Test objects of the fixed split among `saw_objects`.")


class ProbeResult(Head, Scores):
    """Accuracy of a linear classifier on frozen features, in percent, beside its baselines."""

    n_left_out: Count = Field(description="Labelled objects without features in at least one system.")
    copies_in_train: Count = Field(description="Test objects with the same file as a training object.")
    classes: list[str]
    per_seed: PerSeed = Field(description="Accuracy of each seed's encoder.")
    per_class: dict[str, ClassAccuracy]
    confusion: list[list[Count]] = Field(description="Canonical, all seeds; rows are true classes.")
    C_choice: Literal["cross-validation", "published"]
    chosen_C: PerSeed = Field(description="C chosen inside the training split, or the published one.")
    other_classifiers: OtherClassifiers
    cross_validation: CrossValidation | None = Field(description="Null for an official split.")
    encoder: Encoder
    pretraining: Pretraining

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "ProbeResult":
        if len(self.classes) != self.n_classes:
            raise ValueError("classes: must be n_classes names")
        if [len(row) for row in self.confusion] != [self.n_classes] * self.n_classes:
            raise ValueError("confusion: must have a row and a column for each class")
        return self


class Difference95(Part):
    """A paired difference with its 95% interval."""

    mean: float
    sd: float | None = Field(description="Standard deviation, for few-shot: over trials. Else null.")
    ci95: tuple[float, float] | None = Field(description="See `Summary`. Null if there is a single seed.")


class Summary(Part):
    """One metric of one system in one question and pose regime.

    A system is a key of `SYSTEMS`; in a sweep `<variant>` for tokens or `<variant>:tokens_and_imagined`.
    `sd` is the standard deviation over seeds; for few-shot over trials, seeds averaged; for label efficiency
    over seeds and draws; null for a single one. `ci95` is a bootstrap interval over groups of near-duplicate
    objects; for the question `library` Student's t over libraries; null in a sweep. `gain` is over
    `random_encoder` on the same objects and folds; in a sweep over the variant `trained`, with Student's t
    over seeds; null for the reference.
    """

    question: str = Field(description="A key of `questions`.")
    regime: str = Field(description="`canonical`, `zz` or `partial`; empty for metrics without clouds.")
    system: str
    metric: str = Field(description="A key of `METRICS`.")
    mean: float
    sd: float | None
    ci95: tuple[float, float] | None
    seeds: Count = Field(description="Encoders (or views of the teacher) that the mean is over.")
    gain: Difference95 | None


class Question(Part):
    """A set of splits on which all systems are compared."""

    title: str
    description: str
    objects: Count = Field(description="Distinct test objects.")
    answers: Count = Field(description="Answers of each encoder: test objects summed over splits.")
    note: str | None = Field(description="Why the data set cannot answer it; null if it can.")


class Trained(Part):
    """The pretrained encoders behind a table; null is what is unknown."""

    datasets: list[str]
    objects: Count
    epochs: Count
    steps: Count | None = None
    parameters: Count | None = Field(None, description="Parameters of the encoder.")
    seconds: float | None = Field(description="Wall seconds of pretraining a seed, mean over seeds.")


class TableResult(Head):
    """Summaries of all systems in all questions of one suite."""

    suite: Literal["few_shot", "label_efficiency", "benchmark", "sweep"]
    questions: dict[str, Question]
    rows: list[Summary]
    variants: dict[str, dict[str, Any]] = Field({}, description="A sweep's changed settings by variant.")
    pretraining: Trained


def read_as(model: type[Result], path: Path) -> Result:
    """Read a result file back.

    Raises:
        UserError: if the file is missing or does not follow the schema.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the probe")
    try:
        return check(model, from_json(path.read_bytes()), str(path))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); run the probe again") from error
