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


def draw_galleries(
    catalog: Path, targets: Path, available: Collection[str], objects: int
) -> dict[str, list[str]]:
    """Draw objects that pretraining left out, and as many that it learned from.

    Args:
        catalog: of the split that the encoder was pretrained with.
        targets: the data set's sealed target store.
        available: ids that have clouds.
        objects: how many of either to draw, or as many as there are of both.

    Returns:
        The ids of the `unseen` and the `seen` gallery.
    """
    table = pd.read_parquet(catalog)
    there = set(available) - read_manifest(targets).set_aside.keys()

    def drawn(*splits: str) -> list[str]:
        ids = [i for i in table.loc[table["split"].isin(splits), "id"] if i in there]
        return sorted(ids, key=lambda i: hashlib.sha256(i.encode()).hexdigest())[:objects]

    unseen, seen = drawn("test"), drawn("train", "pretrain")
    size = min(len(unseen), len(seen))
    return {"unseen": unseen[:size], "seen": seen[:size]}


def view_distances(
    encoder: PointEncoder, imagination: Imagination, clouds: Tensor, ids: list[str], targets: Path
) -> NDArray[np.float32]:
    """How far each object's answer lies from what the teacher said of each view.

    Args:
        encoder, imagination: trained together.
        clouds: (N, P, 3) of the gallery's objects.
        ids: their N ids.
        targets: a sealed target store that holds them.

    Returns:
        (N, V, N) float32: of each object's views, the Euclidean distance to each object's answer, between
        embeddings as they are standardised in pretraining.
    """
    device = Fabric(accelerator="auto", devices=1).device
    encoder, imagination = encoder.to(device).eval(), imagination.to(device).eval()
    position = {object_id: row for row, object_id in enumerate(read_manifest(targets).ids)}
    rows = [position[object_id] for object_id in ids]

    def views(name: str) -> Tensor:
        return torch.from_numpy(read_array(targets, name)[rows]).float().to(device).flatten(0, 1)

    pose, colour = views("pose"), views("colour")
    said = (views("embedding") - imagination.mean) / imagination.std
    distances = []
    with torch.inference_mode():
        for cloud in track(clouds.split(1), len(clouds), "retrieval", "object"):
            tokens = encoder.tokens(cloud.to(device))
            answers = [
                imagination.predictor(tokens, p[None], c[None])[0]
                for p, c in zip(pose.split(QUERIES), colour.split(QUERIES), strict=True)
            ]
            distances.append((torch.cat(answers) - said).norm(dim=-1))
    table: NDArray[np.float32] = torch.stack(distances, dim=1).cpu().numpy()
    return table.reshape(len(ids), -1, len(ids))
