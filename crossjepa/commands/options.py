"""Options that several commands share, and how they are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from crossjepa.data.guard import Limits
from crossjepa.data.settings import DataSettings, Source
from crossjepa.errors import UserError
from crossjepa.settings import read_section

Settings = Annotated[str, typer.Option(help="A configuration file, or the same keys as inline JSON.")]
Dataset = Annotated[str, typer.Option(help="Name of the data set: a key under `data` in the settings.")]
Meshes = Annotated[Path, typer.Option(help="The mesh table.")]
Store = Annotated[Path, typer.Option(help="The store's folder.")]
Shard = Annotated[int, typer.Option(help="Number of the shard, from 0.")]
Output = Annotated[Path, typer.Option(help="The file to write.")]
Inputs = Annotated[list[str], typer.Option("--input", help="An input file as NAME=PATH; repeatable.")]

EncoderFile = Annotated[
    str, typer.Option("--encoder", help="An encoder.safetensors, a folder of results, or a model of the hub.")
]
Up = Annotated[
    Literal["file", "x", "y", "z"] | None,
    typer.Option(help="The axis that points up in the files; by default as for the training data."),
]
Json = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]
Folder = Annotated[Path, typer.Argument(help="A folder of meshes or point clouds, at any depth.")]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="CSV of id or path, class, split, group; by default the first sub-folders are classes."
    ),
]


def read_source(settings: str, dataset: str) -> Source:
    """A data set's entry under `data` in the settings.

    Raises:
        UserError: if the settings have no such data set.
    """
    sources = read_section(DataSettings, "data", settings).sources
    if dataset not in sources:
        raise UserError(f"--dataset {dataset}: not a data set under data: {sorted(sources)}")
    source: Source = sources[dataset]
    return source


def read_limits(settings: str) -> Limits:
    """The limits of reading one object, from the settings."""
    return read_section(DataSettings, "data", settings).limits


def named_paths(
    inputs: Sequence[str], required: Sequence[str] = (), optional: Sequence[str] | None = None
) -> dict[str, list[Path]]:
    """The paths of repeated `--input NAME=PATH` by name, in the order given.

    Args:
        inputs: what the user gave.
        required: names that must be there.
        optional: further names, which may be followed by `.DATASET`; any if None.

    Raises:
        UserError: if one is not NAME=PATH, its path does not exist, or a name is missing or unknown;
            benchmark files, `seconds.<stage>`, may be missing.
    """
    paths: dict[str, list[Path]] = {}
    for pair in inputs:
        name, equals, path = pair.partition("=")
        if not name or not equals or not path:
            raise UserError(f"--input {pair}: must be NAME=PATH")
        if not name.startswith("seconds.") and not Path(path).exists():
            raise UserError(f"--input {pair}: no such file or folder; run the stage that writes it")
        paths.setdefault(name, []).append(Path(path))
    if missing := [name for name in required if name not in paths]:
        raise UserError(f"--input {missing[0]}=PATH is missing")
    for name in paths:
        if optional is not None and name not in required and name.partition(".")[0] not in optional:
            raise UserError(f"--input {name}: not an input of this command: {[*required, *optional]}")
    return paths
