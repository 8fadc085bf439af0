"""A query as it lies and turned about the up axis, since copies of an object may face elsewhere."""

from math import pi

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh, UserError
from crossjepa.inference.encoder import Encoder, Up
from crossjepa.inference.objects import find_objects

TURNS = 12


def turned(encoder: Encoder, query: str, up: Up | None) -> NDArray[np.float32]:
    """(TURNS, D) float32: the feature `tokens` of an object as it lies, then turned step by step.

    Raises:
        UserError: if the object cannot be read.
    """
    as_it_lies = encoder.encode(query, up=up)
    try:
        (points,) = [given.read(encoder.sampling(up)).points for given in find_objects(query)]
    except BadMesh as error:
        raise UserError(f"{query}: {error}; give another") from error
    angles = np.arange(1, TURNS) * 2 * pi / TURNS
    clouds = [points @ about_up(angle).T for angle in angles]
    return np.concatenate([as_it_lies, encoder.encode(clouds, up="y")])


def about_up(angle: float) -> NDArray[np.float32]:
    """(3, 3) right-handed rotation about +Y by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=np.float32)
