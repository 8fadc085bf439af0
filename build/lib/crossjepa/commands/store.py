"""`crossjepa store …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Meshes, Settings, Store
from crossjepa.data.settings import DataSettings
from crossjepa.data.table import stored_ids
from crossjepa.settings import read_section
from crossjepa.store.seal import seal, verify

app = typer.Typer(no_args_is_help=True)


@app.command("seal")
def seal_command(settings: Settings, meshes: Meshes, store: Store) -> None:
    """Check a filled point or target store and write its manifest."""
    manifest = seal(store, stored_ids(meshes), read_section(DataSettings, "data", settings).max_bad_fraction)
    typer.echo(f"{store}: {len(manifest.ids)} objects sealed, {len(manifest.set_aside)} set aside")


@app.command("verify")
def verify_command(path: Annotated[Path, typer.Argument(help="Folder of a sealed store.")]) -> None:
    """Compare every file of a sealed store with its manifest."""
    manifest = verify(path)
    objects, aside = len(manifest.ids), len(manifest.set_aside)
    typer.echo(f"{path}: {objects} objects in {len(manifest.files)} files verified, {aside} set aside")
