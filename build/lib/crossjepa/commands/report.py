"""`crossjepa report …`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Inputs, Settings, named_paths
from crossjepa.errors import UserError
from crossjepa.files import write_whole
from crossjepa.settings import read_section

app = typer.Typer(no_args_is_help=True)

Output = Annotated[Path, typer.Option(help="The file to write.")]


@app.command("html")
def html_command(settings: Settings, inputs: Inputs, output: Output) -> None:
    """Write one self-contained HTML page about a run.

    Inputs: result= (a data set each), metrics= (training logs, a seed each), config=, and for each data set
    features.DATASET=, catalog.DATASET= and, where they exist, targets.DATASET= and sheet.DATASET=.
    """
    from crossjepa.report.page import render_page
    from crossjepa.report.settings import ReportSettings

    chosen = read_section(ReportSettings, "report", settings)
    paths = _read(inputs, ["result", "metrics", "config"], ["features", "catalog", "targets", "sheet"])
    page = render_page(paths, chosen)
    with write_whole(output) as partial:
        partial.write_text(page, "utf-8")
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


@app.command("summary")
def summary_command(inputs: Inputs, output: Output) -> None:
    """Write measured accuracies beside published ones, as Markdown and, beside it, as CSV.

    Inputs: result= (linear probes, a data set each).
    """
    from crossjepa.probe.result import ProbeResult, read_as
    from crossjepa.report.summary import summary_markdown, summary_table

    table = summary_table([read_as(ProbeResult, path) for path in _read(inputs, ["result"])["result"]])
    texts = {output: summary_markdown(table), output.with_suffix(".csv"): table.to_csv(index=False)}
    for path, text in texts.items():
        with write_whole(path) as partial:
            partial.write_text(text, "utf-8")
    typer.echo(f"{output}: {len(table)} rows")


@app.command("plot")
def plot_command(inputs: Inputs, output: Output) -> None:
    """Plot a table as PNG: label efficiency, few-shot, benchmark or sweep.

    Inputs: table= (JSON of `probe table`), metrics= (training logs, a seed each; for the benchmark's curves).
    """
    from crossjepa.probe.result import TableResult, read_as
    from crossjepa.report.plots import save_plot

    paths = _read(inputs, ["table"], ["metrics"])
    with write_whole(output) as partial:
        save_plot(read_as(TableResult, paths["table"][0]), paths.get("metrics", []), partial)
    typer.echo(f"{output}")


def _read(
    inputs: Sequence[str], required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, list[Path]]:
    """The inputs by name; one of `optional` may end in `.DATASET`."""
    paths = named_paths(inputs)
    for name in required:
        if name not in paths:
            raise UserError(f"--input {name}=PATH is missing")
    for name in paths:
        if name not in required and name.partition(".")[0] not in optional:
            raise UserError(f"--input {name}: not an input of this command: {[*required, *optional]}")
    return paths
