"""Options of the commands that use a trained encoder; they need no package of the pipeline."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from crossjepa.files import printable
from crossjepa.inference.objects import passed_over

Paths = Annotated[list[Path], typer.Argument(help="Meshes, point clouds, or folders of them.")]
EncoderName = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="An encoder.safetensors, a folder of results, or a model of the hub; else the shipped one.",
    ),
]
UpAxis = Annotated[
    Literal["file", "x", "y", "z"] | None,
    typer.Option(
        "--up",
        help="The axis that points up in the files; by default as for the training data, with the shipped "
        "encoder what glTF and COLLADA files say, and y in others.",
    ),
]
Folder = Annotated[Path, typer.Argument(help="A folder of meshes or point clouds, at any depth.")]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="CSV of id or path, class, split, group; by default the first sub-folders are classes."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def tell(done: str, reasons: Mapping[str, str], given: Sequence[Path]) -> None:
    """Print what was done, after the objects that were set aside and the files that were passed over."""
    for name, reason in reasons.items():
        typer.echo(printable(f"set aside: {name}: {reason}"))
    for line in passed_over(given):
        typer.echo(printable(line))
    typer.echo(f"{done}, {len(reasons)} set aside")


def tell_json(done: Mapping[str, Any], reasons: Mapping[str, str], given: Sequence[Path]) -> None:
    """The same for programs."""
    aside = {printable(name): reason for name, reason in reasons.items()}
    typer.echo(json.dumps({**done, "set_aside": aside, "passed_over": passed_over(given)}))
