"""`crossjepa pretrain …`"""

import hashlib
import logging
import shutil
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer

from crossjepa.config import PretrainConfig, read_settings
from crossjepa.model.sizes import SIZES, build
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.artifact import save_encoder
from crossjepa.pretrain.checkpoint import fingerprint
from crossjepa.pretrain.examples import load_examples
from crossjepa.pretrain.train import Training

app = typer.Typer(no_args_is_help=True)

Settings = Annotated[str, typer.Option(help="A configuration file, or the `pretrain` section as JSON.")]
Seed = Annotated[int, typer.Option(help="Seeds weights, order, views and turns.")]


@app.callback()
def pretrain() -> None:
    """Train the point encoder and its predictor on cached targets."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")


@app.command("train")
def train_command(
    settings: Settings,
    catalog: Annotated[Path, typer.Option(help="The data set's catalog.")],
    points: Annotated[Path, typer.Option(help="Its sealed point store.")],
    targets: Annotated[Path, typer.Option(help="Its sealed target store.")],
    seed: Seed,
    state: Annotated[Path, typer.Option(help="Folder for checkpoint and logs, kept when a run is killed.")],
    encoder: Annotated[Path, typer.Option(help="The encoder to write.")],
    metrics: Annotated[Path, typer.Option(help="The training log to write, as JSON lines.")],
    code: Annotated[str, typer.Option(help="Digest of the code; a checkpoint of other code is left.")] = "",
    threads: Annotated[int, typer.Option(help="Processor threads.")] = 1,
) -> None:
    """Train one encoder to the end of its schedule; a killed run resumes where it was."""
    torch.set_num_threads(threads)
    chosen = read_settings(PretrainConfig, "pretrain", settings)
    size = SIZES[chosen.model].encoder
    examples = load_examples(
        catalog,
        points,
        targets,
        chosen.points,
        size.groups,
        size.group_size,
        shuffle_seed=seed if chosen.shuffle_targets else None,
    )
    plain = chosen.model_dump(mode="json", exclude={"seeds"})
    stores = {"points": _manifest_digest(points), "targets": _manifest_digest(targets)}
    mark = fingerprint(settings=plain, seed=seed, ids=examples.ids, stores=stores, code=code)
    training = Training(examples, chosen, seed, state, mark)
    model = training.run()
    provenance: dict[str, Any] = {
        "seed": seed,
        "settings": plain,
        "stores": stores,
        "dataset": chosen.dataset,
        "objects": len(examples.ids),
        "epochs": chosen.epochs,
        "steps": training.steps,
        "seen": _seen(catalog, examples.ids),
        "pretraining_parameters": parameters(model),
        "device": str(training.fabric.device),
        "torch": torch.__version__,
    }
    save_encoder(encoder, model.encoder, provenance)
    shutil.copyfile(state / "metrics.jsonl", metrics)


@app.command("random")
def random_command(
    settings: Settings,
    seed: Seed,
    encoder: Annotated[Path, typer.Option(help="The encoder to write.")],
) -> None:
    """Write an encoder with fresh random weights: the baseline that pretraining must beat."""
    chosen = read_settings(PretrainConfig, "pretrain", settings)
    torch.manual_seed(seed)
    model = build(chosen.model, target_dim=1, colour_dim=1, conditioning="none")
    save_encoder(encoder, model.encoder, {"seed": seed})


def _seen(catalog: Path, ids: list[str]) -> list[str]:
    """The beginnings of the digests of the learned meshes, by which another data set knows its own."""
    digests = pd.read_parquet(catalog).set_index("id")["sha256"]
    return sorted({str(digests[object_id])[:16] for object_id in ids})


def _manifest_digest(store: Path) -> str:
    return hashlib.sha256((store / "manifest.json").read_bytes()).hexdigest()
