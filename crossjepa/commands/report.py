"""`crossjepa report …`"""

from typing import Annotated

import typer

from crossjepa.commands.options import Dataset, Inputs, Output, Settings, named_paths
from crossjepa.files import write_text, write_whole
from crossjepa.settings import read_section

app = typer.Typer(no_args_is_help=True)


@app.command("html")
def html_command(settings: Settings, inputs: Inputs, output: Output) -> None:
    """Write one self-contained HTML page about a run.

    Inputs: result= (one per data set), metrics= (training logs, one per seed), config=, and for each data set
    features.DATASET=, catalog.DATASET= and, where they exist, targets.DATASET= and sheet.DATASET=.
    """
    from crossjepa.report.page import render_page
    from crossjepa.report.settings import ReportSettings

    chosen = read_section(ReportSettings, "report", settings)
    paths = named_paths(inputs, ["result", "metrics", "config"], ["features", "catalog", "targets", "sheet"])
    write_text(output, render_page(paths, chosen))
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


@app.command("summary")
def summary_command(inputs: Inputs, output: Output) -> None:
    """Write measured accuracies beside published ones, as Markdown and, beside it, as CSV.

    Inputs: result= (linear probes, one per data set).
    """
    from crossjepa.probe.result import ProbeResult, read_as
    from crossjepa.report.summary import summary_markdown, summary_table

    results = named_paths(inputs, ["result"], [])["result"]
    table = summary_table([read_as(ProbeResult, path) for path in results])
    write_text(output, summary_markdown(table))
    write_text(output.with_suffix(".csv"), table.to_csv(index=False))
    typer.echo(f"{output}: {len(table)} rows")


@app.command("plot")
def plot_command(inputs: Inputs, output: Output) -> None:
    """Plot a table as PNG: label efficiency, few-shot, benchmark or sweep.

    Inputs: table= (JSON of `probe table`), metrics= (training logs, one per seed; for the benchmark).
    """
    from crossjepa.probe.result import TableResult, read_as
    from crossjepa.report.plots import save_plot

    paths = named_paths(inputs, ["table"], ["metrics"])
    with write_whole(output) as partial:
        save_plot(read_as(TableResult, paths["table"][0]), paths.get("metrics", []), partial)
    typer.echo(f"{output}")


@app.command("audit")
def audit_command(
    settings: Settings,
    dataset: Dataset,
    inputs: Inputs,
    output: Output,
    threads: Annotated[int, typer.Option(help="Fits to run in parallel.", min=1)] = 1,
) -> None:
    """Write what deserves a second look in a data set as HTML and, beside it, as CSV.

    Inputs: catalog, features (of a trained encoder), points (store) and, for pictures, targets (store).
    """
    from crossjepa.audit.findings import audit
    from crossjepa.audit.page import read_pictures, write_audit
    from crossjepa.probe.described import read_described
    from crossjepa.probe.settings import ProbeSettings

    paths = named_paths(inputs, ["catalog", "features", "points"], ["targets"])
    objects = read_described(*(paths[name][0] for name in ("catalog", "features", "points")))
    found = audit(objects, read_section(ProbeSettings, "probe", settings), threads)
    pictures = read_pictures(paths["targets"][0], found.findings) if "targets" in paths else {}
    write_audit(output, found, dataset, pictures)
    write_audit(output.with_suffix(".csv"), found, dataset)
    typer.echo(f"{output}: " + "\n".join(found.lines))
