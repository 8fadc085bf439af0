"""`crossjepa render …`"""

from pathlib import Path
from typing import Annotated

import numpy as np
import trimesh
import typer

from crossjepa.config import read_settings, read_source
from crossjepa.data.dataset import open_dataset
from crossjepa.data.table import read_meshes, stored_ids
from crossjepa.errors import UserError
from crossjepa.render.cameras import place_cameras
from crossjepa.render.contact_sheet import draw_contact_sheet
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views
from crossjepa.store.bundle import write_bundle
from crossjepa.store.sharded import read_layout

app = typer.Typer(no_args_is_help=True)

Settings = Annotated[str, typer.Option(help="A configuration file, or the `render` section as JSON.")]
SourceOption = Annotated[str, typer.Option(help="The data set's entry under `data`, as JSON.")]
Archives = Annotated[Path | None, typer.Option(help="Folder with its archives.")]


@app.callback()
def render() -> None:
    """Render views of every mesh."""


@app.command("views")
def views_command(
    settings: Settings,
    source: SourceOption,
    meshes: Annotated[Path, typer.Option(help="The mesh table.")],
    store: Annotated[Path, typer.Option(help="The target store, which says how objects are sharded.")],
    shard: Annotated[int, typer.Option(help="Which shard, from 0.")],
    output: Annotated[Path, typer.Option(help="The bundle of views to write.")],
    archives: Archives = None,
) -> None:
    """Render one shard's objects."""
    chosen = read_settings(RenderSettings, "render", settings)
    ids, layout = stored_ids(meshes), read_layout(store)
    if len(ids) != layout.objects:
        raise UserError(f"{store}: laid out for {layout.objects} objects, but {meshes} has {len(ids)}")
    mine = [ids[position] for position in layout.positions(shard)]
    arrays, set_aside = render_views(open_dataset(read_source(source), archives), mine, chosen)
    write_bundle(output, arrays, {"ids": mine, "set_aside": set_aside})


@app.command("contact-sheet")
def contact_sheet_command(
    settings: Settings,
    source: SourceOption,
    catalog: Annotated[Path, typer.Option(help="The data set's catalog.")],
    title: Annotated[str, typer.Option(help="What to call the data set.")],
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
    archives: Archives = None,
) -> None:
    """Draw some objects of every class on one sheet."""
    chosen = read_settings(RenderSettings, "render", settings)
    dataset = open_dataset(read_source(source), archives)
    draw_contact_sheet(dataset, read_meshes(catalog), chosen, title, output)


@app.command("check")
def check_command() -> None:
    """Check that this machine can render, and say with what."""
    settings = RenderSettings()
    renderer = Renderer(settings)
    _, drawn = renderer.draw(trimesh.creation.box().scene(), np.eye(4), place_cameras(settings, ""))
    if not drawn.any(axis=(1, 2)).all():
        raise UserError(f"rendering: {renderer.driver} draws nothing; install another driver")
    typer.echo(f"rendering works: {renderer.driver}")
