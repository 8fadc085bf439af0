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

    A folder holds encoder.safetensors, predictor.safetensors, config.json and README.md, the model card. The
    files .onnx and .safetensors hold the encoder alone, which cannot imagine views or be searched by photos.
    """
    loaded, is_file = Encoder.load(encoder), output.suffix in (".onnx", ".safetensors")
    if is_file and (half or licence):
        raise UserError(f"{output}: --half and --licence are for folders; leave them out, or give a folder")
    if output.suffix == ".onnx":
        loaded.to_onnx(output)
    elif output.suffix == ".safetensors":
        save_encoder(output, loaded.network, loaded.provenance)
    elif output.suffix and not output.is_dir():
        raise UserError(
            f"{output}: must end in .onnx or .safetensors, or be a folder without a dot in its name"
        )
    else:
        loaded.save(output, half=half, licence=licence)
    typer.echo(f"{output}: written")
