"""The JSON that a label-efficiency probe writes: this model is its schema and its documentation."""

from typing import Annotated, Literal

from pydantic import Field

from crossjepa.probe.result import Count, Head, Part, Percent


class Score(Part):
    """Accuracy on the test objects, over draws of training objects and seeds."""

    mean: Percent
    sd: Percent | None = Field(description="Standard deviation over draws and seeds; null for a single one.")
    chosen_C: list[list[float]] = Field(description="The C of every seed (outer list) and draw (inner list).")


class Scores(Part):
    """One score a pose regime."""

    canonical: Score
    zz: Score | None = Field(default=None, description="Null for the teacher, whose views are not turned.")


class Draw(Part):
    """One subset of the training objects: whole groups, of every class one object at least."""

    n_objects: Count
    C_choice: Literal["cross-validation", "published", "largest"] = Field(
        description="How C came to be: chosen inside the subset; the protocol's published one, where that is "
        "asked for; or the largest candidate, a hard margin, where the subset is too small to choose with."
    )


class Fraction(Part):
    """What a share of the labels suffices for."""

    percent: Annotated[int, Field(ge=1, le=100)] = Field(
        description="Share of each class's training labels, rounded up to whole groups."
    )
    draws: list[Draw] = Field(description="A draw's subset lies inside its subsets of more labels.")
    encoder: Scores
    random_encoder: Scores
    teacher_views: Scores | None = Field(
        default=None, description="Null for point clouds, which it cannot see."
    )


class LabelEfficiencyResult(Head):
    """Accuracy of a linear classifier on frozen features, fitted on ever more of the training labels."""

    fractions: list[Fraction]
