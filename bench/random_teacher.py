"""A teacher with random weights, in a folder as `teacher.path` takes it: for speed alone.

    python bench/random_teacher.py FOLDER [--size base]

Other benches use it where there is no teacher at hand and no network.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from transformers import Dinov2Config, Dinov2Model

from crossjepa.files import write_json
from crossjepa.teacher.derivative import PREPROCESSING
from crossjepa.teacher.normalisation import PROCESSOR

# Width, blocks and heads of DINOv2 (arXiv 2304.07193), and of a much smaller network of the same kind.
SIZES = {"mini": (64, 3, 2), "small": (384, 12, 6), "base": (768, 12, 12)}


def main(
    folder: Path, size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")] = "small"
) -> None:
    """Write the folder: configuration, image processor and weights."""
    torch.manual_seed(0)
    width, blocks, heads = SIZES[size]
    sizes = {"hidden_size": width, "num_hidden_layers": blocks, "num_attention_heads": heads}
    Dinov2Model(Dinov2Config(image_size=518, patch_size=14, **sizes)).save_pretrained(folder)
    write_json(folder / PROCESSOR, PREPROCESSING)


if __name__ == "__main__":
    typer.run(main)
