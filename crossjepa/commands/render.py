"""`crossjepa render …`"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from crossjepa.commands.options import Dataset, Meshes, Settings, Shard, Store, read_limits, read_source
from crossjepa.data.registry import open_dataset
from crossjepa.data.table import read_meshes, stored_ids
from crossjepa.errors import UserError
from crossjepa.mesh.mesh import Mesh, Part
from crossjepa.render.cameras import place_cameras
from crossjepa.render.contact_sheet import draw_contact_sheet
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views
from crossjepa.settings import read_section
from crossjepa.store.bundle import write_bundle
from crossjepa.store.sharded import read_layout

app = typer.Typer(no_args_is_help=True)


@app.command("views")
def views_command(
    settings: Settings,
    dataset: Dataset,
    meshes: Meshes,
    store: Store,
    shard: Shard,
    output: Annotated[Path, typer.Option(help="The bundle of views to write.")],
) -> None:
    """Render one shard's objects."""
    ids, layout = stored_ids(meshes), read_layout(store)
    if len(ids) != layout.objects:
        raise UserError(f"{store}: laid out for {layout.objects} objects, not {len(ids)}; lay it out again")
    chosen = [ids[position] for position in layout.positions(shard)]
    source = open_dataset(read_source(settings, dataset))
    render, limits = read_section(RenderSettings, "render", settings), read_limits(settings)
    arrays, set_aside = render_views(source, chosen, render, limits)
    write_bundle(output, arrays, {"ids": chosen, "set_aside": set_aside})


@app.command("contact-sheet")
def contact_sheet_command(
    settings: Settings,
    dataset: Dataset,
    catalog: Annotated[Path, typer.Option(help="The data set's catalog.")],
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
) -> None:
    """Draw some objects of every class on one sheet."""
    source = open_dataset(read_source(settings, dataset))
    render = read_section(RenderSettings, "render", settings)
    draw_contact_sheet(source, read_meshes(catalog), render, read_limits(settings), dataset, output)


@app.command("check")
def check_command() -> None:
    """Check that this machine can render, and name its driver."""
    settings = RenderSettings()
    renderer = Renderer(settings)
    triangle = Part(np.eye(3), np.array([[0, 1, 2]]), np.ones(4))
    _, drawn = renderer.draw(Mesh((triangle,)), np.eye(4), place_cameras(settings))
    if not drawn.any(axis=(1, 2)).all():
        raise UserError(f"rendering: {renderer.driver} draws nothing; install another driver")
    typer.echo(f"rendering works: {renderer.driver}")
