"""Options of the commands that use a trained encoder; they need no package of the pipeline."""

from pathlib import Path
from typing import Annotated, Literal

import typer

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
    typer.Option("--up", help="The axis that points up in the files; by default as for the training data."),
]
Folder = Annotated[Path, typer.Argument(help="A folder of meshes or point clouds, at any depth.")]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="CSV of id or path, class, split, group; by default the first sub-folders are classes."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]
