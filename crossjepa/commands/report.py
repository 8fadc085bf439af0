"""`crossjepa report …`"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.benchmark.result import BenchmarkResult
from crossjepa.benchmark.sweep_result import SweepResult
from crossjepa.config import read_settings
from crossjepa.errors import UserError
from crossjepa.probe.label_efficiency_result import LabelEfficiencyResult
from crossjepa.probe.result import read_as, read_result
from crossjepa.report.log import read_log
from crossjepa.report.settings import ReportSettings

app = typer.Typer(no_args_is_help=True)

Results = Annotated[list[Path], typer.Option(help="Probe results, one a data set.")]


@app.callback()
def report() -> None:
    """Show results to people."""


@app.command("html")
def html_command(
    settings: Annotated[str, typer.Option(help="A configuration file, or the `report` section as JSON.")],
    result: Results,
    features: Annotated[list[Path], typer.Option(help="Feature bundles to map, in the same order.")],
    catalog: Annotated[list[Path], typer.Option(help="Catalogs, in the same order.")],
    metrics: Annotated[list[Path], typer.Option(help="Training logs, one a seed.")],
    run_config: Annotated[Path, typer.Option(help="The resolved configuration.")],
    output: Annotated[Path, typer.Option(help="The page to write.")],
    targets: Annotated[
        list[str], typer.Option(help="DATASET=FOLDER of a sealed target store, where there is one.")
    ] = [],  # noqa: B006
    sheet: Annotated[
        list[str], typer.Option(help="DATASET=FILE of a contact sheet, where there is one.")
    ] = [],  # noqa: B006
) -> None:
    """Write one self-contained page about a run."""
    from crossjepa.report.page import ProbedDataset, render_page

    chosen = read_settings(ReportSettings, "report", settings)
    if len({len(part) for part in (result, features, catalog)}) != 1:
        raise UserError("report html: give --result, --features and --catalog equally often")
    results = [read_result(path) for path in result]
    names = [probed.dataset for probed in results]
    stores, sheets = _by_dataset("--targets", targets, names), _by_dataset("--sheet", sheet, names)
    datasets = [
        ProbedDataset(probed, bundle, table, stores.get(probed.dataset), sheets.get(probed.dataset))
        for probed, bundle, table in zip(results, features, catalog, strict=True)
    ]
    with _whole(output) as partial:
        partial.write_text(render_page(datasets, metrics, run_config, chosen), "utf-8")
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


@app.command("summary")
def summary_command(
    result: Results,
    markdown: Annotated[Path, typer.Option(help="The tables to write, for people.")],
    csv: Annotated[Path, typer.Option(help="The same rows to write, for machines.")],
) -> None:
    """Write what was run beside what was published."""
    from crossjepa.report.summary import summary_csv, summary_markdown, summary_rows

    rows = summary_rows([read_result(path) for path in result])
    for path, text in {markdown: summary_markdown(rows), csv: summary_csv(rows)}.items():
        with _whole(path) as partial:
            partial.write_text(text, "utf-8")
    typer.echo(f"{markdown}: {len(rows)} rows")


@app.command("label-efficiency")
def label_efficiency_command(
    result: Annotated[Path, typer.Option(help="The result of a label-efficiency probe.")],
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
) -> None:
    """Plot accuracy over the share of training labels."""
    from crossjepa.report.label_efficiency import efficiency_curves

    figure = efficiency_curves(read_as(LabelEfficiencyResult, result))
    with _whole(output) as partial:
        figure.savefig(partial, format="png", dpi=200)
    typer.echo(f"{output}")


@app.command("training")
def training_command(
    result: Annotated[Path, typer.Option(help="A benchmark's result.")],
    metrics: Annotated[list[Path], typer.Option(help="Training logs, one a seed.")],
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
) -> None:
    """Plot loss, effective rank and the probe over training."""
    from crossjepa.report.training import progress_curves

    figure = progress_curves(read_as(BenchmarkResult, result), [read_log(path) for path in metrics])
    with _whole(output) as partial:
        figure.savefig(partial, format="png", dpi=200)
    typer.echo(f"{output}")


@app.command("sweep")
def sweep_command(
    result: Annotated[Path, typer.Option(help="A sweep's result.")],
    output: Annotated[Path, typer.Option(help="The PNG to write.")],
) -> None:
    """Plot a sweep's settings beside the run's own."""
    from crossjepa.report.sweep import sweep_bars

    figure = sweep_bars(read_as(SweepResult, result))
    with _whole(output) as partial:
        figure.savefig(partial, format="png", dpi=200)
    typer.echo(f"{output}")


def _by_dataset(option: str, pairs: Sequence[str], datasets: Collection[str]) -> dict[str, Path]:
    """The paths of `DATASET=PATH` pairs by data set.

    Raises:
        UserError: if one is not such a pair, or of a data set without a result.
    """
    paths = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals:
            raise UserError(f"{option} {pair}: must be DATASET=PATH")
        if name not in datasets:
            raise UserError(f"{option} {pair}: '{name}' has no --result; they are of {sorted(datasets)}")
        paths[name] = Path(path)
    return paths


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Where to write what shall appear at `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    yield partial
    os.replace(partial, path)
