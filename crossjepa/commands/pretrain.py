"""`crossjepa pretrain …`"""

import logging
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.options import Inputs, Settings, named_paths
from crossjepa.devices import resolve_precision
from crossjepa.errors import UserError
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.settings import read_section

app = typer.Typer(no_args_is_help=True)

Seed = Annotated[int, typer.Option(help="Seed of weights, order, views and augmentation.")]


@app.command("train")
def train_command(
    settings: Settings,
    inputs: Inputs,
    seed: Seed,
    output: Annotated[Path, typer.Option(help="Folder for encoder, predictor, log and checkpoint.")],
    devices: Annotated[
        str, typer.Option(help="Number of GPUs, or 2x4: 4 on each of 2 nodes (srun, torchrun).")
    ] = "1",
    code: Annotated[str, typer.Option(help="Digest of the code; only the same code resumes a run.")] = "",
) -> None:
    """Train one encoder to the end of its schedule; a killed run resumes.

    Inputs, once per data set in the order of pretrain.datasets: catalog=FILE, points=STORE, targets=STORE.
    Without a GPU, --devices counts processes.
    """
    from crossjepa.fabric import launch
    from crossjepa.pretrain.examples import Stores
    from crossjepa.pretrain.run import pretrain

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen = read_section(PretrainSettings, "pretrain", settings)
    chosen = chosen.model_copy(update={"precision": resolve_precision(chosen.precision)})
    paths = named_paths(inputs)
    names = [dataset.name for dataset in chosen.datasets]
    if paths.keys() != set(Stores._fields) or {len(given) for given in paths.values()} != {len(names)}:
        raise UserError(f"--input: give catalog=, points= and targets= once for each of {names}, no others")
    stores = [Stores(*each) for each in zip(*(paths[name] for name in Stores._fields), strict=True)]
    pretrain(launch(chosen.precision, devices), chosen, stores, seed, code, output)
