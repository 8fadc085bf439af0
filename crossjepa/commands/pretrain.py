"""`crossjepa pretrain …`"""

import hashlib
import logging
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer

from crossjepa.config import read_settings
from crossjepa.errors import UserError
from crossjepa.model.sizes import build
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.artifact import save_encoder, save_predictor
from crossjepa.pretrain.checkpoint import fingerprint
from crossjepa.pretrain.examples import Examples, Stores, load_examples, load_held_out
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training, make_fabric

app = typer.Typer(no_args_is_help=True)
logger = logging.getLogger(__name__)

Settings = Annotated[str, typer.Option(help="A configuration file, or the `pretrain` section as JSON.")]
Seed = Annotated[int, typer.Option(help="Seeds weights, order, views and turns.")]


@app.callback()
def pretrain() -> None:
    """Train the point encoder and its predictor on cached targets."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")


@app.command("train")
def train_command(
    settings: Settings,
    catalog: Annotated[list[Path], typer.Option(help="Catalog of each data set, in the settings' order.")],
    points: Annotated[list[Path], typer.Option(help="Sealed point store of each.")],
    targets: Annotated[list[Path], typer.Option(help="Sealed target store of each.")],
    seed: Seed,
    state: Annotated[Path, typer.Option(help="Folder for checkpoint and logs, kept when a run is killed.")],
    encoder: Annotated[Path, typer.Option(help="The encoder to write.")],
    predictor: Annotated[Path, typer.Option(help="The predictor to write.")],
    metrics: Annotated[Path, typer.Option(help="The training log to write, as JSON lines.")],
    snapshots: Annotated[Path, typer.Option(help="The zip to write: encoders of the settings' snapshots.")],
    code: Annotated[str, typer.Option(help="Digest of the code; a checkpoint of other code is left.")] = "",
    threads: Annotated[int, typer.Option(help="Processor threads of each process.")] = 1,
    devices: Annotated[int, typer.Option(help="GPUs of each node, or processes where there is none.")] = 1,
    nodes: Annotated[int, typer.Option(help="Nodes; srun or torchrun starts their processes.")] = 1,
) -> None:
    """Train one encoder to the end of its schedule; a killed run resumes where it was."""
    torch.set_num_threads(threads)
    chosen = read_settings(PretrainSettings, "pretrain", settings)
    names = [learned.name for learned in chosen.datasets]
    if not len(names) == len(catalog) == len(points) == len(targets):
        raise UserError(f"pretrain train: give --catalog, --points and --targets once for each of {names}")
    if late := [epoch for epoch in chosen.snapshots if epoch > chosen.epochs]:
        raise UserError(
            f"pretrain.snapshots: there is no epoch {late[0]}; pretrain.epochs is {chosen.epochs}"
        )
    fabric = make_fabric(chosen, devices, nodes)
    fabric.launch()
    if fabric.world_size != devices * nodes:
        raise UserError(
            f"--devices {devices} on {nodes} nodes want {devices * nodes} processes, but {fabric.world_size} "
            "started; under Slurm srun has to start them: see launcher in profiles/slurm/config.yaml"
        )
    if fabric.is_global_zero:
        logger.info("train on %d x %s", fabric.world_size, fabric.device.type)
    stores = [Stores(*each) for each in zip(catalog, points, targets, strict=True)]
    examples = load_examples(
        stores,
        None if chosen.resample else chosen.points,
        shuffle_seed=seed if chosen.shuffle_targets else None,
        standardise=chosen.standardise_targets,
    )
    # How a batch is computed changes nothing, so that a run may resume with more memory or fewer processes.
    plain = chosen.model_dump(mode="json", exclude={"seeds", "accumulate", "compile"})
    digests = {
        name: {"points": _manifest_digest(each.points), "targets": _manifest_digest(each.targets)}
        for name, each in zip(names, stores, strict=True)
    }
    mark = fingerprint(
        settings=plain, seed=seed, ids=examples.ids, stores=digests, code=code, torch=torch.__version__
    )
    held_out = load_held_out(stores, chosen.points, examples)
    training = Training(fabric, examples, chosen, seed, state, mark, held_out)
    model = training.run()
    if not fabric.is_global_zero:
        return
    provenance: dict[str, Any] = {
        "seed": seed,
        "settings": plain,
        "stores": digests,
        "datasets": names,
        "objects": len(examples.ids),
        "epochs": chosen.epochs,
        "steps": training.steps,
        "seen": _seen(stores, examples),
        "pretraining_parameters": parameters(model),
        "device": str(fabric.device),
        "processes": fabric.world_size,
        "torch": torch.__version__,
    }
    save_encoder(encoder, model.encoder, provenance)
    save_predictor(predictor, model.predictor, model.encoder, examples)
    shutil.copyfile(state / "metrics.jsonl", metrics)
    with zipfile.ZipFile(snapshots, "w") as archive:
        for epoch in chosen.snapshots:
            # A ZipInfo of its own has no date: equal encoders are equal bytes.
            archive.writestr(zipfile.ZipInfo(_snapshot(epoch)), training.snapshot(epoch).read_bytes())


@app.command("snapshot")
def snapshot_command(
    snapshots: Annotated[Path, typer.Option(help="The zip that training wrote.")],
    epoch: Annotated[int, typer.Option(help="One of pretrain.snapshots.")],
    encoder: Annotated[Path, typer.Option(help="The encoder to write.")],
) -> None:
    """Take the encoder of an earlier epoch out of what training wrote."""
    if not zipfile.is_zipfile(snapshots):
        raise UserError(f"{snapshots}: is not a zip of snapshots; pretrain an encoder first")
    with zipfile.ZipFile(snapshots) as archive:
        if _snapshot(epoch) not in archive.namelist():
            raise UserError(f"{snapshots}: holds no epoch {epoch}; add it to pretrain.snapshots")
        encoder.parent.mkdir(parents=True, exist_ok=True)
        encoder.write_bytes(archive.read(_snapshot(epoch)))


@app.command("random")
def random_command(
    settings: Settings, seed: Seed, encoder: Annotated[Path, typer.Option(help="The encoder to write.")]
) -> None:
    """Write an encoder with fresh random weights: the baseline that pretraining must beat."""
    chosen = read_settings(PretrainSettings, "pretrain", settings)
    torch.manual_seed(seed)
    model = build(chosen.model, target_dim=1, colour_dim=1, conditioning="none")
    save_encoder(encoder, model.encoder, {"seed": seed})


def _snapshot(epoch: int) -> str:
    return f"epoch{epoch}.safetensors"


def _seen(datasets: Sequence[Stores], examples: Examples) -> list[str]:
    """The beginnings of the digests of the learned meshes, by which another data set knows its own."""
    heads: set[str] = set()
    first = 0
    for stores, size in zip(datasets, examples.sizes, strict=True):
        digests = pd.read_parquet(stores.catalog).set_index("id")["sha256"]
        heads.update(str(digests[object_id])[:16] for object_id in examples.ids[first : first + size])
        first += size
    return sorted(heads)


def _manifest_digest(store: Path) -> str:
    return hashlib.sha256((store / "manifest.json").read_bytes()).hexdigest()
