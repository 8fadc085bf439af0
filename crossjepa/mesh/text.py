"""Numbers in text."""

import warnings

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh


def numbers(text: bytes) -> NDArray[np.float64]:
    """The numbers of a text, parted by white space.

    Raises:
        BadMesh: if a word is not a number.
    """
    if not text.strip():
        return np.zeros(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # what NumPy before 2.3 does with such a word
            return np.fromstring(text, sep=" ")
    except (ValueError, DeprecationWarning) as error:
        raise BadMesh("a word among its numbers is not a number") from error
