"""Settings of the linear probe and of the benchmark."""

from typing import Annotated, Literal

from pydantic import Field

from crossjepa.settings import Section, setting


class ProbeSettings(Section):
    """The linear classifiers on frozen features."""

    datasets: list[str] = setting(["furniture"], "Data sets to probe and report; none to train only.")
    protocol: Literal["pointjepa", "crosspoint", "i2pmae", "recon"] = setting(
        "pointjepa", "Named protocol: cloud, feature, classifier."
    )
    C: list[Annotated[float, Field(gt=0)]] = setting(
        [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0],
        "Candidates for C, chosen by grouped cross-validation inside the training split.",
        min_length=1,
    )
    published_C: bool = setting(
        False, "Use the protocol's published C, which fits the scale of the features it was published with."
    )
    folds: int = setting(5, "Folds of every cross-validation.", "folds", ge=2)
    repeats: int = setting(5, "Repeats of the cross-validation over all labelled objects.", ge=1)
    bootstrap: int = setting(1000, "Resamples behind each 95% interval.", "resamples", ge=100)
    seed: int = setting(0, "Seeds folds and resamples.", ge=0)


class BenchmarkSettings(Section):
    """The benchmark: one table of many questions, answered by the probe's classifiers."""

    splits: int = setting(
        5, "Seeded splits of the inductive question; each trains an encoder without its test objects.", ge=1
    )
    control_seeds: list[int] = setting(
        [0],
        "Seeds of the controls, trained on shuffled targets and on those of a random-weight teacher.",
        min_length=1,
    )
    labels: list[Annotated[int, Field(ge=1)]] = setting(
        [1, 5, 10], "Training objects a class in the questions with few labels.", "objects", min_length=1
    )
    kept_apart: float = setting(
        0.75, "Held-out fraction for view-to-object retrieval (one extra encoder).", gt=0, lt=1
    )
    gallery: int = setting(310, "Objects in each gallery of view-to-object retrieval.", "objects", ge=10)
    elsewhere: str = setting("shapes", "Second data set, for transfer evaluation: a name under `data`.")
