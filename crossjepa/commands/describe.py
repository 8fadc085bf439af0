"""`crossjepa describe`"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.config import Config
from crossjepa.pretrain.cost import lines, measure
from crossjepa.settings import check, read_configuration


def describe(
    configfile: Annotated[list[Path], typer.Option(help="A configuration file; later ones override.")] = [],  # noqa: B006
    target_dim: Annotated[int, typer.Option(help="Width of the teacher's embedding.", min=1)] = 384,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what the networks cost: parameters by part, operations an object, memory a batch."""
    config = check(Config, read_configuration(configfile), "configuration")
    described = measure(config, target_dim)
    typer.echo(json.dumps(asdict(described)) if as_json else "\n".join(lines(described)))
