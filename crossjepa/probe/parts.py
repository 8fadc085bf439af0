"""Parts that all result schemas share."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Percent = Annotated[float, Field(ge=0, le=100)]
Difference = Annotated[float, Field(ge=-100, le=100)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A part of a result; unknown keys and values that are not finite are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Head(Part):
    """The fields that all results share."""

    dataset: str
    data: dict[str, Any] = Field(
        description="The data set's settings without paths: its kind, release or variant."
    )
    protocol: str = Field(description="Named protocol: cloud, feature and classifier.")
    protocol_source: str = Field(description="Where it was published.")
    n_train: Count
    n_test: Count
    n_classes: Count
    seeds: list[int] = Field(description="Pretraining seeds, one encoder each.", min_length=1)


class Git(Part):
    """The Git checkout of the code."""

    commit: str
    dirty: bool = Field(description="Whether tracked files differ from the commit.")


class Provenance(Part):
    """Code, configuration, data, packages and time behind a result."""

    git: Git | None = Field(description="Null outside a checkout.")
    config_hash: Sha256 = Field(
        description="SHA-256 of the run's configuration, kept as `configs/<hash>.yaml` beside the result."
    )
    stores: dict[Literal["points", "targets"], Sha256] = Field(
        description="SHA-256 of each store's manifest, which lists the SHA-256 of every file; no `targets` "
        "for data sets of point clouds."
    )
    packages: dict[str, str] = Field(description="Versions by package.")
    device: str | None = Field(description="Device of pretraining; null if it was not recorded.")
    seconds: dict[str, float] = Field(
        description="Wall seconds by stage, summed over the jobs behind this result; of `pretrain` as its "
        "training logs record them."
    )
