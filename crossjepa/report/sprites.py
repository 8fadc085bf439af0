"""Sprites: all small views of an object side by side in one picture, which the page turns by shifting it."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.pictures import picture_uri
from crossjepa.store.sharded import read_manifest, read_shards


class Sprites(NamedTuple):
    """The sprites of some objects: views in each, and data URIs by id."""

    views: int
    uris: dict[str, str]


def read_sprites(targets: Path, ids: Collection[str]) -> Sprites:
    """Make the sprites of objects, a shard at a time to save memory.

    Args:
        targets: a sealed target store.
        ids: the objects.

    Raises:
        UserError: if the store is not sealed, damaged, or of an earlier version that kept no such views.
    """
    manifest, wanted, uris = read_manifest(targets), set(ids), {}
    for shard in read_shards(targets, "thumbnails", manifest.layout, manifest.files):
        for position, views in zip(shard.positions, shard.values, strict=True):
            if (object_id := manifest.ids[position]) in wanted:
                uris[object_id] = _sprite(views)
    return Sprites(manifest.arrays["thumbnails"]["shape"][0], uris)


def _sprite(views: NDArray[np.uint8]) -> str:
    """The (T, S, S, 3) views side by side as a data URI."""
    return picture_uri(Image.fromarray(np.concatenate(list(views), axis=1)), "WEBP")
