"""A small encoder with random weights that says how its clouds were made, and files of procedural shapes."""

from pathlib import Path

import numpy as np
import torch
import trimesh

from crossjepa.artifact import save_encoder
from crossjepa.data.normalise import surface
from crossjepa.data.sources.shapes import Shapes
from crossjepa.model.sizes import build

POINTS = 512


def save_untrained(folder: Path) -> Path:
    """Write an encoder into a folder."""
    torch.manual_seed(0)
    model = build("tiny", target_dim=8, colour_dim=3, conditioning="none")
    clouds = {"mine": {"points": 2048, "seed": 0, "up": "file"}}
    provenance = {"seed": 0, "settings": {"points": POINTS}, "clouds": clouds}
    folder.mkdir(parents=True, exist_ok=True)
    save_encoder(folder / "encoder.safetensors", model.encoder, provenance)
    return folder


def shape(object_id: str) -> trimesh.Trimesh:
    """A procedural shape, such as chair-000005."""
    return surface(Shapes(0, 0).load(object_id))


def turned(mesh: trimesh.Trimesh, degrees: float, axis: tuple[int, int, int] = (0, 1, 0)) -> trimesh.Trimesh:
    """A copy of a mesh, turned."""
    matrix = trimesh.transformations.rotation_matrix(np.deg2rad(degrees), axis)
    return mesh.copy().apply_transform(matrix)
