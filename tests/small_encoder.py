"""A small encoder with random weights that looks like a trained one, and a shape to encode."""

from pathlib import Path
from typing import Any

import torch
import trimesh

from crossjepa.artifact import save_encoder, save_predictor
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.sizes import build

POINTS = 256
TARGET = 24  # width of the teacher's embedding


def save_small_encoder(folder: Path, seed: int = 0, target_dim: int = TARGET, **provenance: Any) -> Path:
    """Write the encoder and its predictor into a folder, as a run leaves them."""
    torch.manual_seed(seed)
    model = build("tiny", target_dim=target_dim, colour_dim=9, conditioning="both")
    clouds = {"mine": {"points": 2048, "seed": 0, "up": "file"}}
    known = {"seed": 0, "settings": {"points": POINTS}, "clouds": clouds, **provenance}
    save_encoder(folder / "encoder.safetensors", model.encoder, known)
    mean, std = torch.randn(target_dim), torch.rand(target_dim) + 0.5
    imagination = Imagination(model.predictor, ring(0.3, 2.5), torch.rand(9), mean, std)
    save_predictor(folder / "predictor.safetensors", imagination, model.encoder.config.dim)
    return folder


def knob() -> trimesh.Trimesh:
    """A shape without any symmetry."""
    parts = [trimesh.creation.box((1, 2, 3)), trimesh.creation.icosphere(subdivisions=2, radius=0.7)]
    parts[1].apply_translation((0.9, 1.2, 0.4))
    return trimesh.util.concatenate(parts)
