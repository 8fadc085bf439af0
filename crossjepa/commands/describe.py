"""`crossjepa describe`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.config import Config
from crossjepa.pretrain.cost import measure
from crossjepa.settings import check, read_configuration


def describe(
    more: Annotated[
        list[Path], typer.Argument(help="Further files after --configfile.", show_default=False)
    ] = [],  # noqa: B006
    configfile: Annotated[
        list[Path],
        typer.Option("--configfile", "--configfiles", help="Configuration files; later ones override."),
    ] = [],  # noqa: B006
    target_dim: Annotated[int, typer.Option(help="Width of the teacher's embedding.", min=1)] = 384,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what the networks cost: parameters by part, operations per object, memory per batch."""
    config = check(Config, read_configuration([*configfile, *more]), "configuration")
    cost = measure(config.pretrain, 3 * config.render.colour_bins, target_dim)
    if as_json:
        typer.echo(json.dumps(cost))
        return
    parts = {f"parameters, {part}": f"{count:,}" for part, count in cost.pop("parameters").items()}
    for name, value in (cost | parts).items():
        typer.echo(f"{name:<34}{value if isinstance(value, str) else f'{value:.2f}':>14}")
