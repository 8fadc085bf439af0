"""A query as it lies and turned about the up axis, since copies of an object may face elsewhere."""

from math import pi

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.inference.encoder import Encoder, Up

TURNS = 12


def turned(encoder: Encoder, query: str, up: Up | None) -> NDArray[np.float32]:
    """(TURNS, D) float32: the feature `tokens` of an object as it lies, and turned step by step.

    Raises:
        UserError: if the object cannot be read.
    """
    read = encoder.clouds(query, up=up)
    for name, reason in read.reasons.items():
        raise UserError(f"{name}: {reason}; give another query")
    angles = np.arange(TURNS) * 2 * pi / TURNS
    return encoder.encode([read.values[0] @ about_up(angle).T for angle in angles], up="y")


def about_up(angle: float) -> NDArray[np.float32]:
    """(3, 3) right-handed rotation about +Y by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=np.float32)
