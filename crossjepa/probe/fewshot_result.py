"""The JSON that a few-shot probe writes: this model is its schema and its documentation."""

from typing import Annotated

from pydantic import Field, model_validator

from crossjepa.probe.result import Count, Difference, Head, Part, Percent

NotNegative = Annotated[float, Field(ge=0)]


class TrialScore(Part):
    """Accuracy over trials, each the mean of its seeds."""

    mean: Percent
    sd: NotNegative = Field(description="Standard deviation over trials.")


class TrialGain(Part):
    """Difference of two systems' accuracies on the same trials, in points."""

    mean: Difference
    sd: NotNegative = Field(description="Standard deviation of the trials' differences.")


class TrialScores(Part):
    """One score a pose regime."""

    canonical: TrialScore
    zz: TrialScore | None = Field(
        default=None, description="Null for the teacher, whose views are not turned."
    )


class TrialGains(Part):
    """One gain a pose regime."""

    canonical: TrialGain
    zz: TrialGain


class Comparison(Part):
    """What every system reached on the same trials."""

    encoder: TrialScores
    random_encoder: TrialScores
    teacher_views: TrialScores | None = Field(
        default=None, description="Null for point clouds, which it cannot see."
    )
    gain_over_random: TrialGains


class Setting(Part):
    """So many classes a trial (`way`), and of each so many objects to learn from (`shot`)."""

    way: Count
    shot: Count
    scores: Comparison | None = Field(description="Null where the data set cannot fill the setting.")
    reason: str | None = Field(description="Why it cannot; null where it can.")

    @model_validator(mode="after")
    def _has_scores_or_a_reason(self) -> "Setting":
        if (self.scores is None) == (self.reason is None):
            raise ValueError("scores: either scores or a reason why there are none")
        return self


class Style(Part):
    """A way of drawing trials, and the classifier that meets them."""

    source: str = Field(description="Where it was published.")
    drawn: str = Field(description="Where the objects to learn from and the queries come from.")
    classifier: str
    settings: list[Setting]


class FewShotResult(Head):
    """Accuracy of a linear classifier on frozen features, fitted on a few objects a class."""

    trials: Count = Field(description="Trials a setting; the same for every system.")
    queries: Count = Field(description="Queries a class.")
    point_bert: Style
    crosspoint: Style
