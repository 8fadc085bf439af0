"""View-to-object retrieval: which object of a gallery does a view show?

For every object of a gallery the predictor gives the embedding that the object would have in the view, with
the view's camera and colours; the object whose prediction is nearest to the teacher's embedding is the guess.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pyarrow.parquet import read_table
from torch import Tensor

from crossjepa.model.encoder import PointEncoder
from crossjepa.model.frames import move_cameras, normalise
from crossjepa.model.imagine import Imagination
from crossjepa.progress import track
from crossjepa.store.reading import read_array
from crossjepa.store.seal import read_manifest

QUERIES = 4096  # views that are predicted at once


def draw_galleries(
    catalog: Path, targets: Path, available: Collection[str], objects: int
) -> dict[str, list[str]]:
    """Draw a gallery of held-out objects, and an equally large one of training objects.

    Args:
        catalog: of the split that the encoder was pretrained with.
        targets: the data set's sealed target store.
        available: ids that have clouds.
        objects: size of each gallery; smaller if there are not enough objects for either.

    Returns:
        The ids of the `unseen` and of the `seen` gallery.
    """
    usable = set(available) - read_manifest(targets).set_aside.keys()
    rows = read_table(catalog, columns=["id", "split"]).to_pylist()

    def shuffled(*splits: str) -> list[str]:
        ids = [row["id"] for row in rows if row["split"] in splits and row["id"] in usable]
        return sorted(ids, key=lambda i: hashlib.sha256(i.encode()).hexdigest())

    unseen, seen = shuffled("test"), shuffled("train", "pretrain")
    size = min(len(unseen), len(seen), objects)
    return {"unseen": unseen[:size], "seen": seen[:size]}


@torch.inference_mode()
def view_distances(
    encoder: PointEncoder,
    imagination: Imagination,
    clouds: Tensor,
    ids: list[str],
    targets: Path,
    device: torch.device,
) -> NDArray[np.float32]:
    """Distance of each object's predicted embedding from the teacher's embedding of each view.

    Args:
        encoder, imagination: trained together.
        clouds: (N, P, 3) of the gallery's objects, in the frame of the cameras.
        ids: their N ids.
        targets: a sealed target store that holds them.
        device: where to compute.

    Returns:
        (N, V, N) float32: for each view of each object, the Euclidean distance to each object's prediction,
        between embeddings standardised as in pretraining.
    """
    encoder, imagination = encoder.to(device).eval(), imagination.to(device).eval()
    stored = read_manifest(targets).rows
    rows = [stored[object_id] for object_id in ids]
    pose, colour, embedding = (
        torch.from_numpy(read_array(targets, name, rows=rows)).float().to(device).flatten(0, 1)
        for name in ("pose", "colour", "embedding")
    )
    truth = (embedding - imagination.mean) / imagination.std
    distances = []
    for single in track(clouds.split(1), len(clouds), "retrieval", "object"):
        cloud, centre, radius = normalise(single.to(device))
        tokens = encoder.tokens(cloud)
        cameras = move_cameras(pose[None], centre, radius)
        predicted = [
            imagination.predictor(tokens, p, c[None])[0]
            for p, c in zip(cameras.split(QUERIES, 1), colour.split(QUERIES), strict=True)
        ]
        distances.append((torch.cat(predicted) - truth).norm(dim=-1))
    table: NDArray[np.float32] = torch.stack(distances, dim=1).cpu().numpy()
    return table.reshape(len(ids), -1, len(ids))
