"""From a view to its object: which object would look like this from there?

Every object of a gallery is asked, through the predictor, what the teacher would say of it from the view's
camera and with its colours; the object whose answer lies nearest to what the teacher did say is the guess.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from crossjepa.model.encoder import PointEncoder
from crossjepa.model.imagine import Imagination
from crossjepa.progress import track
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

QUERIES = 4096  # that one object answers at a time


def draw_gallery(catalog: Path, targets: Path, available: Collection[str], objects: int) -> list[str]:
    """Draw labelled objects that have views: the same ones whatever the catalog's split.

    Args:
        catalog: the data set's catalog.
        targets: its sealed target store.
        available: ids that have clouds.
        objects: how many to draw, or all where there are fewer.
    """
    table = pd.read_parquet(catalog)
    seen = set(available) - read_manifest(targets).set_aside.keys()
    labelled = [i for i in table.loc[table["class"] != "", "id"] if i in seen]
    return sorted(labelled, key=lambda i: hashlib.sha256(i.encode()).hexdigest())[:objects]


def view_distances(
    encoder: PointEncoder,
    imagination: Imagination,
    clouds: Tensor,
    ids: list[str],
    targets: Path,
) -> NDArray[np.float32]:
    """How far each object's answer lies from what the teacher said of each view.

    Embeddings are compared in units of their deviation over the gallery's views, dimension by dimension, so
    that distances of differently trained predictors can stand beside each other.

    Args:
        encoder, imagination: trained together.
        clouds: (N, P, 3) of the gallery's objects.
        ids: their N ids.
        targets: a sealed target store that holds them.

    Returns:
        (N, V, N) float32: of each object's views, the distance to each object's answer.
    """
    device = Fabric(accelerator="auto", devices=1).device
    encoder, imagination = encoder.to(device).eval(), imagination.to(device).eval()
    position = {object_id: row for row, object_id in enumerate(read_manifest(targets).ids)}
    rows = [position[object_id] for object_id in ids]

    def views(name: str) -> Tensor:
        return torch.from_numpy(read_array(targets, name)[rows]).float().to(device).flatten(0, 1)

    pose, colour, said = views("pose"), views("colour"), views("embedding")
    scale = said.std(0).clamp_min(1e-6)
    distances = []
    with torch.inference_mode():
        for cloud in track(clouds.split(1), len(clouds), "retrieval", "object"):
            tokens = encoder.tokens(cloud.to(device))
            answers = [
                imagination.predictor(tokens, p[None], c[None])[0]
                for p, c in zip(pose.split(QUERIES), colour.split(QUERIES), strict=True)
            ]
            answer = torch.cat(answers) * imagination.std + imagination.mean
            distances.append(((answer - said) / scale).square().mean(-1).sqrt())
    table: NDArray[np.float32] = torch.stack(distances, dim=1).cpu().numpy()
    return table.reshape(len(ids), -1, len(ids))
