"""`encoder.safetensors` and `predictor.safetensors`: trained networks, their sizes and their origin."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from crossjepa.errors import UserError
from crossjepa.model.encoder import EncoderConfig, PointEncoder
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.predictor import PredictorConfig, ViewPredictor
from crossjepa.pretrain.examples import Examples

# One key: the order of several in the file's header is chance, and equal encoders should be equal bytes.
KEY = "crossjepa"

Network = TypeVar("Network", bound=nn.Module)


def save_encoder(path: Path, encoder: PointEncoder, provenance: dict[str, Any]) -> None:
    """Write weights, sizes and provenance into one file, whole or not at all.

    Args:
        path: the file to write.
        encoder: the encoder.
        provenance: plain JSON types: seed, settings, data sets, stores.
    """
    _save(path, encoder, {"config": asdict(encoder.config), "provenance": provenance})


def save_predictor(path: Path, predictor: ViewPredictor, encoder: PointEncoder, examples: Examples) -> None:
    """Write a trained predictor, with the views that it is to imagine, whole or not at all.

    Args:
        path: the file to write.
        predictor: the predictor.
        encoder: the encoder that it was trained with.
        examples: what both learned from: the ring of views stands at the mean elevation and distance of their
            cameras, and is asked for with their mean colours.
    """
    elevation, distance = examples.pose[:, 1:3].mean(0).tolist()
    colour, mean, std = examples.colour.mean(0), examples.mean, examples.std
    imagination = Imagination(predictor, ring(elevation, distance), colour, mean, std)
    _save(path, imagination, {"config": asdict(predictor.config), "token_dim": encoder.config.dim})


def load_encoder(path: Path) -> tuple[PointEncoder, dict[str, Any]]:
    """Read an encoder that `save_encoder` wrote.

    Returns:
        The encoder in evaluation mode on the CPU, and its provenance.

    Raises:
        UserError: if the file is missing or not such an encoder.
    """

    def build(described: dict[str, Any]) -> PointEncoder:
        sizes = described["config"]
        return PointEncoder(EncoderConfig(**{**sizes, "patch_widths": tuple(sizes["patch_widths"])}))

    encoder, described = _load(path, "an encoder", build)
    return encoder, described["provenance"]


def load_imagination(path: Path) -> Imagination:
    """Read a predictor that `save_predictor` wrote, in evaluation mode on the CPU.

    Raises:
        UserError: if the file is missing or not such a predictor.
    """

    def build(described: dict[str, Any]) -> Imagination:
        config = PredictorConfig(**described["config"])
        colour, mean = torch.empty(config.colour_dim), torch.empty(config.target_dim)
        return Imagination(
            ViewPredictor(config, described["token_dim"]), ring(0, 1), colour, mean, mean.clone()
        )

    return _load(path, "a predictor", build)[0]


def _save(path: Path, network: nn.Module, described: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, partial, {KEY: json.dumps(described, sort_keys=True)})
    os.replace(partial, path)


def _load(
    path: Path, what: str, build: Callable[[dict[str, Any]], Network]
) -> tuple[Network, dict[str, Any]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; pretrain an encoder first")
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})[KEY])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = build(described)
        network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path}: not {what} of this software ({error}); pretrain it again") from error
    return network.eval(), described
