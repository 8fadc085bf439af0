"""`crossjepa data …`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Dataset, Meshes, Settings, Shard, Store, read_source
from crossjepa.data.catalog import make_catalog, untestable
from crossjepa.data.fetch import fetch
from crossjepa.data.point_store import point_arrays, stored_points, write_points
from crossjepa.data.registry import open_dataset
from crossjepa.data.scan import scan
from crossjepa.data.settings import DataSettings
from crossjepa.data.table import check_broken, read_meshes, remarks, stored_ids, write_meshes
from crossjepa.probe.settings import ProbeSettings
from crossjepa.settings import read_section
from crossjepa.store.settings import StoreSettings
from crossjepa.store.sharded import Layout, create

app = typer.Typer(no_args_is_help=True)

Output = Annotated[Path, typer.Option(help="The file to write; for furniture the folder.")]


@app.command("fetch")
def fetch_command(settings: Settings, dataset: Dataset, output: Output) -> None:
    """Fetch a data set that needs no login."""
    fetch(read_source(settings, dataset), output)


@app.command("scan")
def scan_command(
    settings: Settings,
    dataset: Dataset,
    output: Output,
    threads: Annotated[int, typer.Option(help="Processes to read with.")] = 1,
) -> None:
    """Read every object once; write the mesh table, with the reason for each object set aside."""
    source = read_source(settings, dataset)
    table = scan(source, read_section(DataSettings, "data", settings), threads)
    write_meshes(table, output)
    told = [*open_dataset(source).passed_over, *remarks(table)]
    usable = f"{len(stored_ids(output))} of {len(table)} objects can be used"
    typer.echo("\n".join([f"{output}: {usable}", *told]))


@app.command("catalog")
def catalog_command(settings: Settings, dataset: Dataset, meshes: Meshes, output: Output) -> None:
    """Add classes, groups and the grouped split to the mesh table; say which classes cannot be tested."""
    chosen = read_section(DataSettings, "data", settings)
    opened = open_dataset(read_source(settings, dataset))
    table = make_catalog(read_meshes(meshes), opened.objects(), chosen.split_seed, chosen.test_fraction)
    table.attrs["passed_over"] = [*opened.passed_over]
    write_meshes(table, output)
    told = [*opened.passed_over, *untestable(table, read_section(ProbeSettings, "probe", settings).folds)]
    typer.echo("\n".join([f"{output}: {table['split'].value_counts().to_dict()}", *told]))


@app.command("layout")
def layout_command(settings: Settings, dataset: Dataset, meshes: Meshes, store: Store) -> None:
    """Lay out an empty point store, unless too many meshes are broken."""
    chosen, cut = read_section(DataSettings, "data", settings), read_section(StoreSettings, "store", settings)
    check_broken(meshes, chosen.max_bad_fraction)
    points = stored_points(meshes, chosen.points)
    attributes = {
        "kind": "points",
        "source": read_source(settings, dataset).model_dump(mode="json", exclude={"path"}),
        "settings": {"points": points, "seed": chosen.seed},
    }
    create(store, Layout(len(stored_ids(meshes)), cut.shards, cut.chunk), point_arrays(points), attributes)


@app.command("sample")
def sample_command(settings: Settings, dataset: Dataset, meshes: Meshes, store: Store, shard: Shard) -> None:
    """Sample the point clouds of one shard."""
    chosen = read_section(DataSettings, "data", settings)
    opened, points = open_dataset(read_source(settings, dataset)), stored_points(meshes, chosen.points)
    write_points(opened, stored_ids(meshes), store, shard, points, chosen.seed, chosen.limits)
