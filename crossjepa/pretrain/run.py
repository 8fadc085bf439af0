"""A whole pretraining run: from sealed stores to `encoder.safetensors` with its provenance."""

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from crossjepa.artifact import load_encoder, save_encoder, save_predictor
from crossjepa.commit import commit
from crossjepa.errors import UserError
from crossjepa.files import sha256_file, write_whole
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.predictor import ViewPredictor
from crossjepa.model.sizes import SIZES
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.examples import Examples, Stores, load_examples, load_held_out
from crossjepa.pretrain.provenance import clouds, determinants, seen, sources, teacher
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.start import find_start
from crossjepa.pretrain.train import Training

logger = logging.getLogger(__name__)


def fingerprint(**parts: Any) -> str:
    """SHA-256 of everything that determines a run, given as plain JSON types."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def pretrain(
    fabric: Fabric, settings: PretrainSettings, stores: Sequence[Stores], seed: int, code: str, output: Path
) -> None:
    """Train one encoder to the end of its schedule; a killed run resumes.

    Args:
        fabric: the devices, launched, in the settings' precision.
        settings: how to train; `precision` is not `auto`.
        stores: the files of each of `settings.datasets`, in that order.
        seed: of weights, order, views and augmentation.
        code: digest of the code; a checkpoint of other code is ignored.
        output: folder for `encoder.safetensors`, `predictor.safetensors` and `metrics.jsonl`; its subfolder
            `checkpoint` holds the checkpoint that a killed run resumes from, and logs.

    Raises:
        UserError: if stores, settings and the encoder to start from do not fit together, or training
            diverges.
    """
    if fabric.is_global_zero:
        logger.info("train on %d x %s in %s", fabric.world_size, fabric.device.type, settings.precision)
    shuffle_seed = seed if settings.shuffle_targets else None
    examples = load_examples(stores, settings.points, shuffle_seed, standardise=settings.standardise_targets)
    held_out = load_held_out(stores, settings.points, examples) if fabric.is_global_zero else None
    origin = determinants(settings, stores, seed)
    start = None
    if settings.start_from:
        file = find_start(settings.start_from)
        start = _read_start(file, settings)
        origin["start"] = {"from": settings.start_from, "sha256": sha256_file(file)}
    run = fingerprint(**origin, ids=examples.ids, code=code, device=fabric.device.type)
    state = output / "checkpoint"
    training = Training(fabric, examples, settings, seed, state, run, held_out, start)
    model = training.run()
    if not fabric.is_global_zero:
        return
    provenance = origin | {
        "datasets": [dataset.name for dataset in settings.datasets],
        "clouds": clouds(settings, stores),
        "teacher": teacher(stores),
        "sources": sources(settings, stores),
        "commit": commit(),
        "objects": len(examples.ids),
        "epochs": settings.epochs,
        "steps": training.steps,
        "seen": seen(stores),
        "pretraining_parameters": parameters(model),
        "device": str(fabric.device),
        "processes": fabric.world_size,
    }
    save_encoder(output / "encoder.safetensors", model.encoder, provenance)
    imagination = imagine_training_views(model.predictor, examples)
    save_predictor(output / "predictor.safetensors", imagination, model.encoder.config.dim)
    with write_whole(output / "metrics.jsonl") as partial:
        shutil.copyfile(state / "metrics.jsonl", partial)


def _read_start(file: Path, settings: PretrainSettings) -> PointEncoder:
    encoder, _ = load_encoder(file)
    fitting = [name for name, size in SIZES.items() if size.encoder == encoder.config]
    if settings.model not in fitting:
        kind = f"pretrain.model: {fitting[0]}" if fitting else f"no size of pretrain.model: {encoder.config}"
        raise UserError(f"pretrain.start_from: {file} has {kind}, but this run has {settings.model}")
    return encoder


def imagine_training_views(predictor: ViewPredictor, examples: Examples) -> Imagination:
    """The predictor, with a ring of cameras at the examples' mean elevation, distance and colours."""
    elevation, distance = examples.pose[:, 1:3].mean(0).tolist()
    colour = examples.colour.mean(0)
    return Imagination(predictor, ring(elevation, distance), colour, examples.mean, examples.std)
