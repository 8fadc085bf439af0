"""The command line: one group of commands a stage, imported only when it is called.

Importing lazily keeps every stage's environment small: `crossjepa probe` never imports torch.
"""

import sys
from importlib import import_module

import typer

from crossjepa.errors import UserError

STAGES = {
    "data": "Fetch meshes, list them in a catalog, sample point clouds.",
    "render": "Render views of every mesh.",
    "teacher": "Embed views with a frozen image encoder, once.",
    "pretrain": "Train the point encoder and its predictor.",
    "features": "Extract features with a frozen encoder.",
    "probe": "Fit linear classifiers on features.",
    "benchmark": "Put every row and every question into one table.",
    "report": "Write the HTML report.",
    "store": "Lay out, seal and verify stores.",
}
COMMANDS = {
    "describe": "Print what the networks of a configuration cost.",
    "doctor": "Check what this machine has of all that a run needs.",
}


def main() -> None:
    """Run the command line; a `UserError` becomes one line on stderr and exit code 1."""
    app = typer.Typer(
        help="From a folder of meshes to a trained, probed point encoder.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    called = sys.argv[1:2]
    for stage, summary in STAGES.items():
        group = import_module(f"crossjepa.{stage}.command").app if called == [stage] else typer.Typer()
        app.add_typer(group, name=stage, help=summary)
    for command, summary in COMMANDS.items():
        module = import_module(f"crossjepa.{command}") if called == [command] else None
        app.command(command, help=summary)(getattr(module, command, main))
    try:
        app()
    except UserError as error:
        sys.exit(f"crossjepa: error: {error}")
