"""`crossjepa report …`"""

import os
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.config import ReportConfig, read_settings
from crossjepa.errors import UserError

app = typer.Typer(no_args_is_help=True)


@app.callback()
def report() -> None:
    """Write the HTML report."""


@app.command("html")
def html_command(
    settings: Annotated[str, typer.Option(help="A configuration file, or the `report` section as JSON.")],
    result: Annotated[list[Path], typer.Option(help="Probe results, one a data set.")],
    features: Annotated[list[Path], typer.Option(help="Feature bundles to map, in the same order.")],
    catalog: Annotated[list[Path], typer.Option(help="Catalogs, in the same order.")],
    targets: Annotated[list[Path], typer.Option(help="Sealed target stores, in the same order.")],
    sheet: Annotated[list[Path], typer.Option(help="Contact sheets, in the same order.")],
    metrics: Annotated[list[Path], typer.Option(help="Training logs, one a seed.")],
    run_config: Annotated[Path, typer.Option(help="The resolved configuration.")],
    output: Annotated[Path, typer.Option(help="The page to write.")],
) -> None:
    """Write one self-contained page about a run."""
    from crossjepa.report.page import DatasetFiles, render_page

    chosen = read_settings(ReportConfig, "report", settings)
    if len({len(part) for part in (result, features, catalog, targets, sheet)}) != 1:
        raise UserError("report html: give --result, --features, --catalog, --targets, --sheet equally often")
    datasets = [DatasetFiles(*parts) for parts in zip(result, features, catalog, targets, sheet, strict=True)]
    page = render_page(datasets, metrics, run_config, chosen)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    partial.write_text(page)
    os.replace(partial, output)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
