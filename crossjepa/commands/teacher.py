"""`crossjepa teacher …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Dataset, Meshes, Settings, Shard, Store, read_source
from crossjepa.data.table import stored_ids
from crossjepa.render.settings import RenderSettings
from crossjepa.settings import read_section
from crossjepa.store.settings import StoreSettings
from crossjepa.store.sharded import Layout
from crossjepa.teacher.settings import TeacherSettings

app = typer.Typer(no_args_is_help=True)

Weights = Annotated[Path, typer.Option(help="Folder with the teacher's weights.")]


@app.command("fetch")
def fetch_command(
    settings: Settings, output: Annotated[Path, typer.Option(help="Folder to write the weights into.")]
) -> None:
    """Get the teacher's weights, and try them on two images."""
    from crossjepa.teacher.weights import fetch

    size = read_section(RenderSettings, "render", settings).image_size
    fetch(read_section(TeacherSettings, "teacher", settings), output, size)


@app.command("layout")
def layout_command(
    settings: Settings, dataset: Dataset, meshes: Meshes, weights: Weights, store: Store
) -> None:
    """Lay out an empty target store."""
    from crossjepa.teacher.targets import create_targets

    cut = read_section(StoreSettings, "store", settings)
    create_targets(
        store,
        Layout(len(stored_ids(meshes)), cut.shards, cut.chunk),
        read_source(settings, dataset),
        read_section(RenderSettings, "render", settings),
        read_section(TeacherSettings, "teacher", settings),
        weights,
    )


@app.command("embed")
def embed_command(
    settings: Settings,
    weights: Weights,
    views: Annotated[Path, typer.Option(help="The shard's rendered views.")],
    store: Store,
    shard: Shard,
) -> None:
    """Embed the views of one shard."""
    from crossjepa.teacher.embed import Teacher
    from crossjepa.teacher.shard import embed_shard

    embed_shard(Teacher(weights, read_section(TeacherSettings, "teacher", settings)), views, store, shard)
