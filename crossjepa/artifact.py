"""`encoder.safetensors` and `predictor.safetensors`: trained networks, their sizes and their provenance."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from crossjepa.errors import UserError
from crossjepa.files import write_whole
from crossjepa.model.encoder import EncoderConfig, PointEncoder
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.predictor import PredictorConfig, ViewPredictor

# One metadata key: safetensors writes several in random order, but equal encoders must give equal files.
KEY = "crossjepa"
FORMAT = 1


def save_encoder(
    path: Path, encoder: PointEncoder, provenance: dict[str, Any], dtype: torch.dtype = torch.float32
) -> None:
    """Write weights, sizes and provenance into one file, whole or not at all.

    Args:
        path: the file to write.
        encoder: the encoder.
        provenance: plain JSON types: seed, settings, data sets, stores.
        dtype: of the weights in the file; they are read as float32.
    """
    _save(path, encoder, dtype, {"config": asdict(encoder.config), "provenance": provenance})


def save_predictor(
    path: Path, imagination: Imagination, token_dim: int, dtype: torch.dtype = torch.float32
) -> None:
    """Write a trained predictor and the views that it predicts, whole or not at all.

    Args:
        path: the file to write.
        imagination: the predictor with its views.
        token_dim: width of the tokens of the encoder that it was trained with.
        dtype: of the weights in the file; they are read as float32.
    """
    config = asdict(imagination.predictor.config)
    _save(path, imagination, dtype, {"config": config, "token_dim": token_dim})


def load_encoder(path: Path) -> tuple[PointEncoder, dict[str, Any]]:
    """Read an encoder that `save_encoder` wrote.

    Returns:
        The encoder in evaluation mode on the CPU, and its provenance.

    Raises:
        UserError: if the file is missing or not such an encoder.
    """
    with _open(path, "an encoder") as (header, weights):
        sizes = header["config"] | {"patch_widths": tuple(header["config"]["patch_widths"])}
        encoder = PointEncoder(EncoderConfig(**sizes))
        encoder.load_state_dict(weights)
    return encoder.eval(), header["provenance"]


def load_imagination(path: Path) -> Imagination:
    """Read a predictor that `save_predictor` wrote, in evaluation mode on the CPU.

    Raises:
        UserError: if the file is missing or not such a predictor.
    """
    with _open(path, "a predictor") as (header, weights):
        config = PredictorConfig(**header["config"])
        colour, target = torch.empty(config.colour_dim), torch.empty(config.target_dim)
        predictor = ViewPredictor(config, header["token_dim"])
        imagination = Imagination(predictor, ring(0, 1), colour, target, target.clone())
        imagination.load_state_dict(weights)
    return imagination.eval()


def _save(path: Path, network: nn.Module, dtype: torch.dtype, header: dict[str, Any]) -> None:
    state = network.state_dict()
    weights = {name: value.detach().to("cpu", dtype).contiguous() for name, value in state.items()}
    with write_whole(path) as partial:
        save_file(weights, partial, {KEY: json.dumps({"format": FORMAT, **header}, sort_keys=True)})


@contextmanager
def _open(path: Path, kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Tensor]]]:
    """A file's header and weights; errors while they are used mean that it does not hold `kind`."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; pretrain an encoder first")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[KEY])
            if header.get("format", FORMAT) > FORMAT:
                raise UserError(
                    f"{path}: has format {header['format']}, but this version of the software reads up to "
                    f"{FORMAT}; upgrade crossjepa"
                )
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        yield header, weights
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path}: not {kind} of this software ({error}); pretrain it again") from error
