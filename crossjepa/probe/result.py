"""The JSON that a probe writes: this model is its schema and its documentation."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from crossjepa.errors import UserError
from crossjepa.settings import check
from crossjepa.store.sharded import write_json

Percent = Annotated[float, Field(ge=0, le=100)]
Difference = Annotated[float, Field(ge=-100, le=100)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A part of the result; unknown keys and values that are not finite are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Result = TypeVar("Result", bound=Part)


class Head(Part):
    """What every probe's result begins with."""

    dataset: str
    data: dict[str, Any] = Field(
        description="The data set's settings, less its place: its kind, and which release or variant."
    )
    protocol: str = Field(description="Named protocol: cloud, feature and classifier.")
    protocol_source: str = Field(description="Where it was published.")
    n_train: Count
    n_test: Count
    n_classes: Count
    seeds: list[int] = Field(description="Pretraining seeds, one encoder each.", min_length=1)


class Accuracy(Part):
    """Share of objects classified rightly."""

    mean: Percent = Field(description="Mean over seeds.")
    sd: Percent | None = Field(description="Standard deviation over seeds; null for a single one.")
    ci95: tuple[Percent, Percent] = Field(
        description="Bootstrap interval of the mean over resampled groups of near-duplicate test objects."
    )


class Gain(Part):
    """A difference of accuracies on the same objects and folds, in points."""

    mean: Difference
    ci95: tuple[Difference, Difference] = Field(description="Paired bootstrap interval over groups.")


class Regimes(Part):
    """One accuracy a pose regime."""

    canonical: Accuracy = Field(description="Objects stand as the data set poses them.")
    zz: Accuracy | None = Field(
        default=None,
        description="Every cloud, of training and test, turned by its own seeded angle about the up axis; "
        "null for the teacher, whose views are not turned.",
    )


class Gains(Part):
    """One gain a pose regime."""

    canonical: Gain
    zz: Gain


class OtherFeatures(Part):
    """Other features of the same encoder, from the same clouds."""

    imagined: Regimes = Field(description="The predictor's embeddings for a fixed ring of views, averaged.")
    tokens_and_imagined: Regimes = Field(description="Both, beside each other.")


class PerSeed(Part):
    """One number a pretraining seed, in the order of `seeds`."""

    canonical: list[float]
    zz: list[float]


class Baselines(Part):
    """What the encoder is measured against, under the same classifier, objects and folds."""

    random_encoder: Regimes = Field(description="The same encoder with random weights, over several draws.")
    geometry: Regimes = Field(description="Distribution of distances between points, and extents.")
    teacher_views: Regimes | None = Field(
        default=None,
        description="The image teacher's mean view embedding: the ceiling. Null for point clouds, which it "
        "cannot see.",
    )
    majority: Regimes = Field(description="Always the commonest class of the training objects.")


class OtherClassifier(Part):
    """Another classifier on the same features and fixed split."""

    encoder: Regimes
    random_encoder: Regimes


class OtherClassifiers(Part):
    """For comparison with papers that use them."""

    logistic_regression: OtherClassifier = Field(description="Standardised features, C = 1.")
    knn: OtherClassifier = Field(description="Most votes of the 20 nearest training objects by cosine.")


class ClassAccuracy(Part):
    """One class on the fixed split; mean over seeds."""

    n_train: Count
    n_test: Count
    canonical: Percent | None = Field(description="Null for a class without test objects.")
    zz: Percent | None = Field(description="Null for a class without test objects.")


class CrossValidation(Part):
    """Repeated grouped cross-validation over all labelled objects, C nested in each training part."""

    folds: Count = Field(description="Folds; fewer than asked for where no class has that many groups.")
    repeats: Count
    n_objects: Count
    n_seen: Count = Field(description="Objects whose meshes, never labels, pretraining saw.")
    saw_test_objects: StrictBool | Literal["partly"] = Field(
        description="Whether pretraining saw the meshes of the folds' test objects."
    )
    accuracy: Regimes
    other_features: OtherFeatures
    baselines: Baselines
    gain_over_random: Gains


class Encoder(Part):
    """The probed encoder."""

    parameters: Count
    config: dict[str, Any]


class Pretraining(Part):
    """What the encoder learned from."""

    datasets: list[str]
    objects: Count
    epochs: Count
    same_dataset: bool = Field(description="Whether the probed data set itself is among them.")
    saw_objects: Count = Field(
        description="Labelled objects whose mesh it saw, never their labels, by the digest of the file."
    )
    saw_test_objects: Count = Field(description="Test objects of the fixed split among them.")


class Git(Part):
    """The checkout that the code ran from."""

    commit: str
    dirty: bool = Field(description="Whether tracked files differ from the commit.")


class Provenance(Part):
    """What made this result."""

    git: Git | None = Field(description="Null outside a checkout.")
    config_hash: Sha256 = Field(description="SHA-256 of the run's configuration file.")
    stores: dict[Literal["points", "targets"], Sha256] = Field(
        description="SHA-256 of each store's manifest, which has the SHA-256 of every file; no targets of "
        "point clouds."
    )
    packages: dict[str, str] = Field(description="Versions by package.")
    device: str | None = Field(description="Device of pretraining; null where it was not recorded.")
    seconds: dict[str, float] = Field(description="Wall seconds of each stage's jobs, summed.")


class ProbeResult(Head):
    """Accuracy of a linear classifier on frozen features, in percent, beside its baselines."""

    n_left_out: Count = Field(description="Labelled objects that some compared system has no features of.")
    copies_in_train: Count = Field(description="Test objects whose file a training object has as well.")
    classes: list[str]
    accuracy: Regimes = Field(description="Of the pooled tokens.")
    other_features: OtherFeatures
    per_seed: PerSeed = Field(description="Accuracy of each seed's encoder.")
    per_class: dict[str, ClassAccuracy]
    confusion: list[list[Count]] = Field(
        description="Canonical, summed over seeds; rows are true and columns predicted classes."
    )
    C_choice: Literal["cross-validation", "published"]
    chosen_C: PerSeed = Field(description="The C chosen inside the training split, or the published one.")
    baselines: Baselines
    gain_over_random: Gains
    other_classifiers: OtherClassifiers
    cross_validation: CrossValidation | None = Field(
        description="Null where the data set comes with its own split, which is its protocol."
    )
    encoder: Encoder
    pretraining: Pretraining
    provenance: Provenance

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "ProbeResult":
        if len(self.classes) != self.n_classes or set(self.per_class) != set(self.classes):
            raise ValueError("classes: n_classes and per_class must name the same classes")
        if [len(row) for row in self.confusion] != [self.n_classes] * self.n_classes:
            raise ValueError("confusion: must have a row and a column for each class")
        if sum(map(sum, self.confusion)) != self.n_test * len(self.seeds):
            raise ValueError("confusion: must count every test object once a seed")
        return self


def write_result(path: Path, result: Part) -> None:
    """Write a result as JSON, whole or not at all."""
    write_json(path, result.model_dump(mode="json"))


def read_result(path: Path) -> ProbeResult:
    """Read a linear probe's result back; see `read_as`."""
    return read_as(ProbeResult, path)


def read_as(model: type[Result], path: Path) -> Result:
    """Read a result of any probe back.

    Args:
        model: the result's schema.
        path: its file.

    Raises:
        UserError: if the file is missing or does not follow the schema.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the probe")
    try:
        values = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not JSON ({error}); run the probe again") from error
    return check(model, values, str(path))
