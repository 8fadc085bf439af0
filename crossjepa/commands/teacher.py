"""`crossjepa teacher …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.config import read_settings, read_source
from crossjepa.data.table import stored_ids
from crossjepa.render.settings import RenderSettings
from crossjepa.store.seal import seal
from crossjepa.store.settings import StoreSettings
from crossjepa.store.sharded import ArraySpec, Layout, create
from crossjepa.teacher.settings import TeacherSettings

app = typer.Typer(no_args_is_help=True)

Settings = Annotated[str, typer.Option(help="A configuration file, or the `teacher` section as JSON.")]
Weights = Annotated[Path, typer.Option(help="Folder with the teacher's weights.")]
Meshes = Annotated[Path, typer.Option(help="The mesh table.")]
Store = Annotated[Path, typer.Option(help="The target store's folder.")]


@app.callback()
def teacher() -> None:
    """Embed views with a frozen image encoder, once."""


@app.command("fetch")
def fetch_command(
    settings: Settings, folder: Annotated[Path, typer.Option(help="Where the weights go.")]
) -> None:
    """Get the teacher's weights."""
    from crossjepa.teacher.weights import fetch

    fetch(read_settings(TeacherSettings, "teacher", settings), folder)


@app.command("layout")
def layout_command(
    settings: Settings,
    render: Annotated[str, typer.Option(help="A configuration file, or the `render` section as JSON.")],
    store_settings: Annotated[str, typer.Option(help="A configuration file, or the `store` section.")],
    source: Annotated[str, typer.Option(help="The data set's entry as JSON, with its `kind`.")],
    meshes: Meshes,
    weights: Weights,
    store: Store,
) -> None:
    """Lay out an empty target store."""
    from crossjepa.teacher.weights import read_description

    chosen = read_settings(TeacherSettings, "teacher", settings)
    views = read_settings(RenderSettings, "render", render)
    cut = read_settings(StoreSettings, "store", store_settings)
    described = read_description(weights)
    specs = {
        "embedding": ArraySpec((views.views, described["hidden_size"]), "float16"),
        "pose": ArraySpec((views.views, 6), "float32"),
        "colour": ArraySpec((views.views, 3 * views.colour_bins), "float32"),
        "thumbnail": ArraySpec((96, 96, 3), "uint8"),
    }
    attributes = {
        "kind": "targets",
        "source": read_source(source).model_dump(mode="json", exclude={"path"}),
        "render": views.model_dump(mode="json", exclude={"keep_views"}),
        "teacher": chosen.model_dump(mode="json", exclude={"path"}),
        "weights": described,
    }
    create(store, Layout(len(stored_ids(meshes)), cut.shards, cut.chunk), specs, attributes)


@app.command("embed")
def embed_command(
    settings: Settings,
    weights: Weights,
    views: Annotated[Path, typer.Option(help="The shard's rendered views.")],
    store: Store,
    shard: Annotated[int, typer.Option(help="Which shard to write.")],
    threads: Annotated[int, typer.Option(help="Processor threads.")] = 1,
) -> None:
    """Embed the views of one shard."""
    import torch

    from crossjepa.teacher.embed import Teacher, embed_shard

    torch.set_num_threads(threads)
    loaded = Teacher(weights, read_settings(TeacherSettings, "teacher", settings))
    embed_shard(loaded, views, store, shard)


@app.command("seal")
def seal_command(
    max_bad_fraction: Annotated[float, typer.Option(help="Largest share of set-aside objects.")],
    meshes: Meshes,
    store: Store,
) -> None:
    """Check a filled target store and write its manifest."""
    manifest = seal(store, stored_ids(meshes), max_bad_fraction)
    typer.echo(f"{store}: {len(manifest.ids)} objects sealed, {len(manifest.set_aside)} set aside")
