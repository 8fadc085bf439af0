"""`crossjepa teacher …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Dataset, Settings, read_source
from crossjepa.data.table import stored_ids
from crossjepa.render.settings import THUMBNAIL, RenderSettings
from crossjepa.settings import read_section
from crossjepa.store.settings import StoreSettings
from crossjepa.store.sharded import ArraySpec, Layout, create
from crossjepa.teacher.settings import TeacherSettings

app = typer.Typer(no_args_is_help=True)

Weights = Annotated[Path, typer.Option(help="Folder with the teacher's weights.")]
Store = Annotated[Path, typer.Option(help="The target store's folder.")]


@app.command("fetch")
def fetch_command(
    settings: Settings, output: Annotated[Path, typer.Option(help="Folder to write the weights into.")]
) -> None:
    """Get the teacher's weights."""
    from crossjepa.teacher.weights import fetch

    fetch(read_section(TeacherSettings, "teacher", settings), output)


@app.command("layout")
def layout_command(
    settings: Settings,
    dataset: Dataset,
    meshes: Annotated[Path, typer.Option(help="The mesh table.")],
    weights: Weights,
    store: Store,
) -> None:
    """Lay out an empty target store."""
    from crossjepa.teacher.weights import read_description

    teacher = read_section(TeacherSettings, "teacher", settings)
    render = read_section(RenderSettings, "render", settings)
    cut = read_section(StoreSettings, "store", settings)
    description = read_description(weights)
    specs = {
        "embedding": ArraySpec((render.views, description["hidden_size"]), "float16"),
        "pose": ArraySpec((render.views, 6), "float32"),
        "colour": ArraySpec((render.views, 3 * render.colour_bins), "float32"),
        "thumbnail": ArraySpec((THUMBNAIL, THUMBNAIL, 3), "uint8"),
    }
    attributes = {
        "kind": "targets",
        "source": read_source(settings, dataset).model_dump(mode="json", exclude={"path"}),
        "render": render.model_dump(mode="json", exclude={"keep_views"}),
        "teacher": teacher.model_dump(mode="json", exclude={"path"}),
        "weights": description,
    }
    create(store, Layout(len(stored_ids(meshes)), cut.shards, cut.chunk), specs, attributes)


@app.command("embed")
def embed_command(
    settings: Settings,
    weights: Weights,
    views: Annotated[Path, typer.Option(help="The shard's rendered views.")],
    store: Store,
    shard: Annotated[int, typer.Option(help="Which shard to write, from 0.")],
) -> None:
    """Embed the views of one shard."""
    from crossjepa.teacher.embed import Teacher, embed_shard

    embed_shard(Teacher(weights, read_section(TeacherSettings, "teacher", settings)), views, store, shard)
