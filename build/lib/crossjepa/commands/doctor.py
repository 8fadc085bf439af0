"""`crossjepa doctor`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.config import Config
from crossjepa.settings import check, read_configuration
from crossjepa.workflow.machine import findings


def doctor(
    configfile: Annotated[list[Path], typer.Option(help="A configuration file; later ones override.")] = [],  # noqa: B006
    results: Annotated[Path, typer.Option(help="The folder that results go to.")] = Path("results"),
) -> None:
    """Check rendering, torch, GPU, disk, teacher, data and cluster; exit code 1 if a run cannot work."""
    found = list(findings(check(Config, read_configuration(configfile), "configuration"), results))
    for finding in found:
        typer.echo(f"{finding.state:<5}{finding.name:<32}{finding.text}")
    if any(finding.state == "bad" for finding in found):
        raise typer.Exit(1)
