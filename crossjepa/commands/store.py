"""`crossjepa store …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Settings
from crossjepa.data.settings import DataSettings
from crossjepa.data.table import stored_ids
from crossjepa.settings import read_section
from crossjepa.store.seal import seal, verify

app = typer.Typer(no_args_is_help=True)


@app.command("seal")
def seal_command(
    settings: Settings,
    meshes: Annotated[Path, typer.Option(help="The mesh table.")],
    store: Annotated[Path, typer.Option(help="Folder of the filled store.")],
) -> None:
    """Check a filled point or target store and write its manifest."""
    manifest = seal(store, stored_ids(meshes), read_section(DataSettings, "data", settings).max_bad_fraction)
    typer.echo(f"{store}: {len(manifest.ids)} objects sealed, {len(manifest.set_aside)} set aside")


@app.command("verify")
def verify_command(path: Annotated[Path, typer.Argument(help="Folder of a sealed store.")]) -> None:
    """Compare every file of a sealed store with its manifest."""
    manifest = verify(path)
    typer.echo(
        f"{path}: {len(manifest.ids)} objects in {len(manifest.files)} files verified, "
        f"{len(manifest.set_aside)} set aside"
    )
