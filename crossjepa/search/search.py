"""The objects of an index that are nearest to a query: exact search by matrix products."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.data.listing import CLOUDS, MESHES
from crossjepa.errors import UserError, needing
from crossjepa.inference.encoder import Encoder, Up
from crossjepa.search.index import Index
from crossjepa.search.turns import turned

ROWS = 1 << 17  # objects that are compared at once, which bounds memory


class Hit(NamedTuple):
    """An object that was found.

    Attributes:
        path: where it lay when the index was made.
        score: how well it fits; see `Found`.
    """

    path: str
    score: float


class Found(NamedTuple):
    """What a search found.

    Attributes:
        kind: of the query: `object`, `photo` or `words`.
        measure: what the scores are; `distance` is best when small, a `similarity` when large.
        hits: the best first.
        view: (S, S, 3), what was cut out of a photo.
    """

    kind: str
    measure: str
    hits: list[Hit]
    view: NDArray[np.uint8] | None = None


def search(index: Index, encoder: Encoder, query: str, count: int, up: Up | None = None) -> Found:
    """Find the objects of an index that are nearest to a query.

    Args:
        index: made with `encoder`.
        encoder: encodes the query.
        query: path of a mesh, a point cloud or a photo; or words, if there is no such file and the teacher
            knows words.
        count: how many objects to find.
        up: the axis of a mesh or cloud that points up; by default as for the index.

    Raises:
        UserError: if the query cannot be read, or the encoder or its teacher cannot understand it.
    """
    kind = kind_of_query(query)
    if kind == "object":
        scores = similarities(index.tokens, turned(encoder, query, up or index.up))
        return Found(kind, "cosine similarity", _best(index, scores, count, largest=True))
    if index.imagined is None or encoder.imagination is None:
        raise UserError(
            f"{query}: without the encoder's predictor, an index can be searched by meshes and clouds alone; "
            "put its predictor.safetensors beside it, and make the index again"
        )
    with needing("workflow"):
        if kind == "photo":
            from crossjepa.inference.photo import cut_out, embed_view

            view = cut_out(query, encoder)
            scores = distances(index.imagined, embed_view(view, encoder))
            return Found(kind, "distance", _best(index, scores, count, largest=False), view)
        from crossjepa.inference.words import project, read_words

        text = read_words(query, encoder)
        scores = similarities(project(index.imagined, encoder), text[None])
    return Found(kind, "cosine similarity", _best(index, scores, count, largest=True))


def kind_of_query(query: str) -> str:
    """Whether a query is an `object`, a `photo` or `words`.

    Raises:
        UserError: if it is the name of a file that does not exist, or of an unknown kind.
    """
    suffix, exists = Path(query).suffix.lower(), os.path.exists(query)  # false for words without end, too
    if suffix in MESHES | CLOUDS | Image.registered_extensions().keys():
        if not exists:
            raise UserError(f"{query}: no such file")
        return "object" if suffix in MESHES | CLOUDS else "photo"
    if exists:
        raise UserError(f"{query}: no mesh, point cloud or picture (JPEG, PNG, WebP, …); give one of these")
    return "words"


def similarities(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) largest cosine similarity of each of (N, D) vectors of length 1 to any of (Q, D) queries."""
    unit = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).T.astype(np.float32)
    parts = [(vectors[row : row + ROWS] @ unit).max(axis=1) for row in range(0, len(vectors), ROWS)]
    return np.concatenate(parts)


def distances(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) Euclidean distances of (N, D) vectors from a query (D,)."""
    parts = (vectors[row : row + ROWS] for row in range(0, len(vectors), ROWS))
    return np.concatenate([np.linalg.norm(part - query, axis=1) for part in parts])


def _best(index: Index, scores: NDArray[np.float32], count: int, largest: bool) -> list[Hit]:
    signed, count = (-scores if largest else scores), min(count, len(scores))
    chosen = np.argpartition(signed, count - 1)[:count]
    return [
        Hit(index.paths[row], float(scores[row])) for row in chosen[np.argsort(signed[chosen], kind="stable")]
    ]
