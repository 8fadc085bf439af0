"""`crossjepa store …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.store.seal import verify

app = typer.Typer(no_args_is_help=True)


@app.callback()
def store() -> None:
    """Check the stores that stages hand to one another."""


@app.command("verify")
def verify_command(path: Annotated[Path, typer.Argument(help="Folder of a sealed store.")]) -> None:
    """Re-check every file, id and value of a sealed store against its manifest."""
    manifest = verify(path)
    typer.echo(
        f"{path}: {len(manifest.ids)} objects in {len(manifest.files)} files verified, "
        f"{len(manifest.set_aside)} set aside"
    )
