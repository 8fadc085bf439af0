"""Encoding meshes, from files to vectors, against the way of OpenShape and ULIP, on the processor.

The peer loads with trimesh, samples 10,000 points, finds patches with the loop in torch, and runs Point-BERT
as these take it: ViT-S with 512 patches of 32 points, 12 times the parameters of ours. A peer with a network
of our size and number of patches shows what is not due to that. Colours are left out, to the peers'
advantage, and weights are random. Each round encodes another part of the meshes.

The small peer takes less time than ours, which first puts 1024 points in farthest-point order, so that they
cover the surface evenly, and finds the patches among these.
"""

from collections.abc import Sequence

import numpy as np
import torch
import trimesh
from comparison import Comparison, Options, find_meshes
from numpy.typing import NDArray
from peer_grouping import torch_group
from reference_step import SIZES, ReferenceModel, ReferenceSize
from timing import time_in_turn
from torch import Tensor

import crossjepa

POINT_BERT = ReferenceSize(384, 12, 6, (128, 256, 512), 0)
POINTS, BATCH = 10_000, 8


def compare(options: Options) -> list[Comparison]:
    """Time encoding meshes."""
    encoder = crossjepa.load()
    large, small = (ReferenceModel(size, 1, 0).eval() for size in (POINT_BERT, SIZES["tiny"]))
    paths = find_meshes(options.folder, options.meshes)

    def spent(part: Sequence[str]) -> dict[str, float]:
        return time_in_turn(
            {
                "ours": lambda: encoder.encode(part),
                "trimesh and Point-BERT (ViT-S, 512 patches)": lambda: encode(large, part, 512),
                "trimesh and a network of our size (64 patches)": lambda: encode(small, part, 64),
            }
        )

    spent(paths[:1])  # warms up
    rounds = [spent(paths[start :: options.rounds]) for start in range(options.rounds)]
    return [Comparison(f"{len(paths)} meshes to vectors, in {options.rounds} parts", rounds)]


@torch.no_grad()
def encode(model: ReferenceModel, paths: Sequence[str], patches: int) -> NDArray[np.float32]:
    """(N, 2 dim) vectors of meshes: maximum and mean over tokens."""
    vectors = []
    for start in range(0, len(paths), BATCH):
        clouds = torch.stack([unit_cloud(path) for path in paths[start : start + BATCH]])
        tokens = model.tokens(*torch_group(clouds, patches, 32))
        vectors.append(torch.cat([tokens.amax(1), tokens.mean(1)], dim=1))
    return torch.cat(vectors).numpy()


def unit_cloud(path: str) -> Tensor:
    """(P, 3) points of a mesh, in the unit sphere."""
    points = np.asarray(trimesh.load_mesh(path).sample(POINTS), dtype=np.float32)
    points -= points.mean(0)
    return torch.from_numpy(points / np.linalg.norm(points, axis=1).max())
