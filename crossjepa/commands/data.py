"""`crossjepa data …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.config import read_settings, read_source
from crossjepa.data.catalog import make_catalog
from crossjepa.data.dataset import open_dataset
from crossjepa.data.scan import scan
from crossjepa.data.settings import DataSettings, FurnitureSource, ModelNetSource
from crossjepa.data.table import OK, read_meshes, stored_ids, stored_points, write_meshes
from crossjepa.errors import UserError
from crossjepa.store.seal import seal
from crossjepa.store.settings import StoreSettings
from crossjepa.store.sharded import Layout, create

app = typer.Typer(no_args_is_help=True)

Settings = Annotated[str, typer.Option(help="A configuration file, or keys of the `data` section as JSON.")]
Source = Annotated[str, typer.Option(help="The data set's entry as JSON, with its `kind`.")]
Archives = Annotated[Path | None, typer.Option(help="Where the data set's archives were put.")]
Meshes = Annotated[Path, typer.Option(help="The mesh table.")]
Store = Annotated[Path, typer.Option(help="The point store's folder.")]


@app.callback()
def data() -> None:
    """Fetch meshes, list them in a catalog, sample point clouds."""


@app.command("fetch")
def fetch_command(
    source: Source, output: Annotated[Path, typer.Option(help="The folder, or the archive, to fetch.")]
) -> None:
    """Fetch a data set that can be had without a login."""
    chosen = read_source(source)
    if isinstance(chosen, FurnitureSource):
        from crossjepa.data.fetch import fetch_furniture

        fetch_furniture(output)
    elif isinstance(chosen, ModelNetSource):
        from crossjepa.data.download import fetch_modelnet

        fetch_modelnet(chosen, output)
    else:
        raise UserError(f"--source: data sets of kind {chosen.kind} are not fetched; set their `path`")


@app.command("scan")
def scan_command(
    settings: Settings,
    source: Source,
    meshes: Meshes,
    archives: Archives = None,
    max_bad_fraction: Annotated[
        float | None,
        typer.Option(
            envvar="CROSSJEPA_MAX_BAD_FRACTION",
            help="Largest share of set-aside objects; that of the settings when left out.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(help="Processes to look with.")] = 1,
) -> None:
    """Look at every mesh once; write the mesh table, broken ones set aside with their reason."""
    chosen = read_settings(DataSettings, "data", settings)
    limit = chosen.max_bad_fraction if max_bad_fraction is None else max_bad_fraction
    table = scan(read_source(source), archives, limit, chosen.max_faces, threads)
    write_meshes(table, meshes)
    aside = table[table["status"] != OK]
    typer.echo(f"{meshes}: {len(table)} objects, {len(aside)} set aside")
    for row in aside.itertuples():
        typer.echo(f"set aside: {row.id}: {row.status}")


@app.command("catalog")
def catalog_command(
    settings: Settings,
    source: Source,
    meshes: Meshes,
    output: Annotated[Path, typer.Option(help="The catalog to write.")],
    archives: Archives = None,
) -> None:
    """Add classes, groups and the grouped split to the mesh table."""
    chosen = read_settings(DataSettings, "data", settings)
    records = open_dataset(read_source(source), archives).objects()
    table = make_catalog(read_meshes(meshes), records, chosen.split_seed, chosen.test_fraction)
    write_meshes(table, output)
    typer.echo(f"{output}: {table['split'].value_counts().to_dict()}")


@app.command("layout")
def layout_command(
    settings: Settings,
    store_settings: Annotated[str, typer.Option(help="A configuration file, or the `store` section.")],
    source: Source,
    meshes: Meshes,
    store: Store,
) -> None:
    """Lay out an empty point store."""
    from crossjepa.data.sample import point_arrays

    chosen = read_settings(DataSettings, "data", settings)
    cut = read_settings(StoreSettings, "store", store_settings)
    points = stored_points(meshes, chosen.points)
    attributes = {
        "kind": "points",
        "source": read_source(source).model_dump(mode="json", exclude={"path"}),
        "settings": {"points": points, "seed": chosen.seed},
    }
    layout = Layout(len(stored_ids(meshes)), cut.shards, cut.chunk)
    create(store, layout, point_arrays(points), attributes)


@app.command("sample")
def sample_command(
    settings: Settings,
    source: Source,
    meshes: Meshes,
    store: Store,
    shard: Annotated[int, typer.Option(help="Which shard to write.")],
    archives: Archives = None,
) -> None:
    """Sample the point clouds of one shard."""
    from crossjepa.data.sample import write_points

    chosen = read_settings(DataSettings, "data", settings)
    dataset = open_dataset(read_source(source), archives)
    points = stored_points(meshes, chosen.points)
    write_points(dataset, stored_ids(meshes), store, shard, points, chosen.seed)


@app.command("seal")
def seal_command(settings: Settings, meshes: Meshes, store: Store) -> None:
    """Check a filled point store and write its manifest."""
    chosen = read_settings(DataSettings, "data", settings)
    manifest = seal(store, stored_ids(meshes), chosen.max_bad_fraction)
    typer.echo(f"{store}: {len(manifest.ids)} clouds sealed, {len(manifest.set_aside)} set aside")
