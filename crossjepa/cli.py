"""The command line: one group of commands per stage, imported only when it is called.

Importing lazily keeps every stage's environment small: `crossjepa probe` never imports torch.
"""

import os
import sys
from importlib import import_module

import typer

from crossjepa import __version__
from crossjepa.errors import UserError, needing

STAGES = {
    "data": "Fetch meshes, list them in a catalog, sample point clouds.",
    "render": "Render views of every mesh.",
    "teacher": "Embed views with a frozen image encoder, once.",
    "pretrain": "Train the point encoder and its predictor.",
    "features": "Extract features with a frozen encoder.",
    "probe": "Fit linear classifiers on features; summarise their answers.",
    "report": "Write the HTML report, plots and summaries.",
    "store": "Seal and verify stores.",
}
COMMANDS = {
    "demo": "Encode a handful of shipped meshes, and show which are alike.",
    "embed": "Write a vector for each mesh or point cloud.",
    "index": "Write an index of meshes and point clouds, to search.",
    "search": "Find objects of an index by a mesh, a point cloud, a photo or words.",
    "export": "Write an encoder for others: a folder for the hub, ONNX, safetensors.",
    "classify": "Predict the classes of a folder's unlabelled objects, and how far to trust them.",
    "audit": "Find broken files, copies, outliers and labels that look wrong in a folder.",
    "describe": "Print the cost of a configuration's networks.",
    "doctor": "Check that this machine has everything a run needs.",
}
# By default OpenMP's threads busy-wait at each barrier for threads that have no core, which slows training
# to a hundredth on a shared machine. Here they wait briefly, then sleep: GNU's OpenMP counts spins, LLVM's
# milliseconds. Both read their variable when torch loads them.
WAITING = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"crossjepa {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options of all commands."""


def main() -> None:
    """Run the command line; a `UserError` becomes one line on stderr and exit code 1."""
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in WAITING.items():
            os.environ.setdefault(name, value)
    app = typer.Typer(
        help="From a folder of meshes to a trained, probed point encoder.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",  # paragraphs are wrapped anew
    )
    app.callback()(_options)
    try:
        with needing("workflow"):
            _add_commands(app, sys.argv[1:2])
            app()
    except UserError as error:
        sys.exit(f"crossjepa: error: {error}")


def _add_commands(app: typer.Typer, called: list[str]) -> None:
    """Add every command; of those that are not called, only the summary."""
    for stage, summary in STAGES.items():
        group = import_module(f"crossjepa.commands.{stage}").app if called == [stage] else typer.Typer()
        app.add_typer(group, name=stage, help=summary)
    for command, summary in COMMANDS.items():
        module = import_module(f"crossjepa.commands.{command}") if called == [command] else None
        # Without `help` the docstring of the command that is called says more.
        app.command(command, help=None if module else summary)(getattr(module, command, main))
