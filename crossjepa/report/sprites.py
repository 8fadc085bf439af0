"""Sprites: all small views of an object side by side in one picture, which the page turns by shifting it."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.pictures import picture_uri
from crossjepa.store.reading import read_array
from crossjepa.store.sharded import read_manifest


class Sprites(NamedTuple):
    """The sprites of some objects: views in each, and data URIs by id."""

    views: int
    uris: dict[str, str]


def read_sprites(targets: Path, ids: Collection[str]) -> Sprites:
    """Make the sprites of objects.

    Args:
        targets: a sealed target store.
        ids: the objects.

    Raises:
        UserError: if the store is not sealed, damaged, or of an earlier version that kept no such views.
    """
    stored = read_manifest(targets).rows
    shown = [object_id for object_id in ids if object_id in stored]
    views = read_array(targets, "thumbnails", rows=[stored[object_id] for object_id in shown])
    return Sprites(views.shape[1], dict(zip(shown, map(_sprite, views), strict=True)))


def _sprite(views: NDArray[np.uint8]) -> str:
    """The (T, S, S, 3) views side by side as a data URI."""
    return picture_uri(Image.fromarray(np.concatenate(list(views), axis=1)), "WEBP")
