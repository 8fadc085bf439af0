"""Settings of pretraining."""

from typing import Any, Literal

from pydantic import Field, model_validator

from crossjepa.settings import Place, Section, setting


class WeightedDataset(Section):
    """A data set to pretrain on; its name alone means a weight of 1."""

    name: str = Field(description="A name under `data`.")
    weight: float = setting(1.0, "How often an epoch shows each of its objects.", gt=0, le=1000)

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given


class PretrainSettings(Section):
    """How the point encoder and the predictor are trained."""

    datasets: list[WeightedDataset] = setting(
        [WeightedDataset(name="furniture")],
        "Names under `data`, or `{name: …, weight: …}`: an epoch shows each object `weight` times.",
        min_length=1,
    )
    model: Literal["tiny", "base", "large"] = setting("tiny", "Size of encoder and predictor.")
    start_from: Place | None = setting(
        None,
        "Start from the weights of an encoder of the same `model`: a file of another run, or a model of the "
        "Hugging Face hub that has encoder.safetensors. An edited file trains again.",
    )
    seeds: list[int] = setting([0], "One encoder is trained for each seed.", min_length=1)
    epochs: int = setting(40, "Passes over the objects.", "epochs", ge=1)
    batch_size: int = setting(16, "Objects in a step.", "objects", ge=2)
    views_per_step: int = setting(6, "Views of each object that a step predicts.", "views", ge=1)
    learning_rate: float = setting(1e-3, "AdamW's peak learning rate.", gt=0, le=1)
    weight_decay: float = setting(0.2, "AdamW's weight decay, for matrices only.", ge=0, le=1)
    warmup: float = setting(0.1, "Share of steps over which the learning rate rises.", ge=0, lt=1)
    clip_norm: float = setting(1.0, "Norm to which gradients are clipped.", gt=0)
    loss: Literal["smooth_l1", "mse"] = setting("smooth_l1", "Loss; the paper's is smooth-L1.")
    standardise_targets: bool = setting(
        True, "Standardise each dimension of the embeddings over all training views."
    )
    drop_path: float = setting(0.2, "Chance to skip a residual branch (stochastic depth).", ge=0, lt=1)
    conditioning: Literal["none", "pose", "colour", "both"] = setting(
        "both", "What the predictor gets about each view: camera pose, colours, both or none."
    )
    rotation: Literal["none", "up", "so3"] = setting(
        "up", "Rotate clouds, with their cameras, about the up axis or by any rotation."
    )
    rotated: float = setting(0.5, "Share of objects that a step rotates.", ge=0, le=1)
    scale: float = setting(0.2, "Largest relative change of clouds' size and cameras' distance.", ge=0, lt=1)
    jitter: float = setting(
        0.01, "Standard deviation of the noise on each coordinate.", "radii of the unit sphere", ge=0, le=0.1
    )
    partial: float = setting(
        0.0, "Largest share of a cloud that a plane cuts off, as in a scan from one side.", ge=0, lt=1
    )
    points: int = setting(1024, "Points of a cloud, by farthest-point sampling.", "points", ge=256, le=2048)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "Precision of forward and backward pass; `auto`: bf16 if native to the device, else fp32."
    )
    accumulate: int = setting(1, "Parts in which a batch is computed, to save memory; same results.", ge=1)
    compile: bool = setting(False, "Compile the networks with torch.compile, for long runs on a GPU.")
    shuffle_targets: bool = setting(
        False, "A control: give each object the embeddings and colours of another; accuracy must drop."
    )
