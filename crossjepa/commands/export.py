"""`crossjepa export`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.artifact import save_encoder
from crossjepa.commands.encoding import EncoderName
from crossjepa.errors import UserError
from crossjepa.inference.encoder import Encoder


def export(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A folder, or a file .onnx or .safetensors, to write.")
    ],
    encoder: EncoderName = None,
    half: Annotated[bool, typer.Option("--half", help="Write a folder's weights as float16.")] = False,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the weights (an SPDX name), for a folder's model card.")
    ] = None,
) -> None:
    """Write an encoder for others: a folder with a model card for the Hugging Face hub, ONNX, or safetensors.

    A folder holds encoder.safetensors, predictor.safetensors, config.json and README.md, the model card.
    """
    loaded = Encoder.load(encoder)
    if output.suffix == ".onnx":
        loaded.to_onnx(output)
    elif output.suffix == ".safetensors":
        save_encoder(output, loaded.network, loaded.provenance)
    elif output.suffix and not output.is_dir():
        raise UserError(f"{output}: must be a folder, or end in .onnx or .safetensors")
    else:
        loaded.save(output, half=half, licence=licence)
    typer.echo(f"{output}: written")
