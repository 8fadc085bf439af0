"""The JSON that a sweep writes: this model is its schema and its documentation."""

from typing import Annotated, Any

from pydantic import Field

from crossjepa.probe.result import Count, Head, Part, Provenance

OWN = "as configured"  # the run's own settings, which all others are compared with

# Every measure, and how it is called for people. The first alone needs no label: choose by it.
MEASURES: dict[str, str] = {
    "unseen_explained": "explained, unseen, %",
    "tokens_canonical": "tokens, canonical, %",
    "tokens_zz": "tokens, z/z, %",
    "tokens_and_imagined_canonical": "tokens and imagined, canonical, %",
    "tokens_and_imagined_zz": "tokens and imagined, z/z, %",
    "effective_rank": "effective rank",
    "minutes": "minutes a seed",
}


class Change(Part):
    """How much more a setting reaches than the run's own, with the same seeds."""

    mean: float
    ci95: tuple[float, float] = Field(
        description="Student's t over the seeds' differences: with as few as three seeds it is wide."
    )


class Measure(Part):
    """One number of one setting."""

    mean: float = Field(description="Mean over seeds.")
    sd: float | None = Field(description="Standard deviation over seeds; null for a single one.")
    change: Change | None = Field(description="Null for the run's own settings, and for a single seed.")


class Setting(Part):
    """One setting, trained with every seed."""

    name: str
    changes: dict[str, dict[str, Any]] = Field(description="The keys that differ from the run's own.")
    steps: Count
    parameters: Count = Field(description="Of the encoder.")
    measures: dict[str, Measure] = Field(
        description="By name, one of `MEASURES`. `unseen_explained`: share of the variance of the teacher's "
        "embeddings that is predicted for views of test objects; it does not compare where those objects or "
        "the embeddings themselves differ."
    )


class SweepResult(Head):
    """Settings beside the run's own, which come first."""

    settings: list[Setting]
    seconds: Annotated[float, Field(ge=0)] = Field(description="Wall time of all pretraining, summed.")
    provenance: Provenance
