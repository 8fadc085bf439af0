"""`crossjepa embed`"""

import json
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from crossjepa.commands.options import EncoderFile, Json, Up
from crossjepa.errors import UserError
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.vectors import check_format, write_vectors


def embed(
    paths: Annotated[list[Path], typer.Argument(help="Meshes, point clouds, or folders of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .parquet, .csv or .npz to write.")],
    encoder: EncoderFile,
    features: Annotated[
        Literal["tokens", "imagined", "both"], typer.Option(help="What of the encoder to write.")
    ] = "tokens",
    up: Up = None,
    as_json: Json = False,
) -> None:
    """Write a vector for each mesh or point cloud; list those that cannot be read, with the reasons."""
    check_format(output)
    encoded = Encoder.load(encoder).encode(paths, features=features, up=up, progress=True, errors="skip")
    good = [row for row, name in enumerate(encoded.names) if name not in encoded.reasons]
    if not good:
        first = next(iter(encoded.reasons.items()), ("nothing", "was given"))
        raise UserError(f"none of {len(encoded.names)} objects could be read; the first: {': '.join(first)}")
    names = [encoded.names[row] for row in good]
    vectors = np.asarray(encoded.values)[good]
    write_vectors(output, [_id(name, paths) for name in names], names, vectors)
    if as_json:
        done = {"output": str(output), "vectors": len(good), "width": vectors.shape[1]}
        typer.echo(json.dumps(done | {"set_aside": encoded.reasons}))
        return
    for name, reason in encoded.reasons.items():
        typer.echo(f"set aside: {name}: {reason}")
    aside = len(encoded.reasons)
    typer.echo(f"{output}: {len(good)} vectors of {vectors.shape[1]} numbers, {aside} set aside")


def _id(name: str, given: list[Path]) -> str:
    """A file's path below the folder that was given; its name if it was given itself."""
    folders = [path for path in given if path.is_dir() and Path(name).is_relative_to(path)]
    return Path(name).relative_to(folders[0]).as_posix() if folders else Path(name).name
