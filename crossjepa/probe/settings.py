"""Settings of the linear probe and of the benchmark."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from crossjepa.settings import Section, setting


class ProbeSettings(Section):
    """The linear classifiers on frozen features."""

    datasets: list[str] = setting(["furniture"], "Data sets to probe and report; empty to train only.")
    protocol: Literal["pointjepa", "crosspoint", "i2pmae", "recon", "linear_layer"] = setting(
        "pointjepa", "Named protocol: cloud, feature, classifier."
    )
    C: list[Annotated[float, Field(gt=0)]] = setting(
        [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0],
        "Candidates for C, chosen by grouped cross-validation inside the training split.",
        min_length=1,
    )
    published_C: bool = setting(
        False, "Use the protocol's published C, which suits the feature scale that it was published for."
    )
    folds: int = setting(5, "Folds of every cross-validation.", "folds", ge=2)
    repeats: int = setting(5, "Repeats of the cross-validation over all labelled objects.", ge=1)
    bootstrap: int = setting(1000, "Resamples behind each 95% interval.", "resamples", ge=100)
    seed: int = setting(0, "Seeds folds and resamples.", ge=0)

    @model_validator(mode="after")
    def _has_a_published_C(self) -> "ProbeSettings":
        if self.published_C and self.protocol == "linear_layer":
            raise ValueError("protocol `linear_layer` has no published C; set `published_C` to false")
        return self


class BenchmarkSettings(Section):
    """The benchmark: one table of many questions, answered by the probe's classifiers."""

    splits: int = setting(
        5, "Seeded splits of the inductive question; each trains an encoder without its test objects.", ge=1
    )
    control_seeds: list[int] = setting(
        [0],
        "Seeds of the controls, trained on shuffled targets or on a random-weight teacher's.",
        min_length=1,
    )
    labels: list[Annotated[int, Field(ge=1)]] = setting(
        [1, 5, 10], "Training objects per class in the few-label questions.", "objects", min_length=1
    )
    kept_apart: float = setting(
        0.75, "Held-out fraction for view-to-object retrieval (one extra encoder).", gt=0, lt=1
    )
    gallery: int = setting(310, "Objects in each gallery of view-to-object retrieval.", "objects", ge=10)
    elsewhere: str = setting("shapes", "Second data set, for transfer evaluation: a name under `data`.")
