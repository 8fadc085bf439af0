"""Numbers in text."""

import warnings

import numpy as np
from numpy.typing import NDArray


def numbers(text: bytes) -> NDArray[np.float64]:
    """The numbers of a text, parted by white space, up to the first word that is none."""
    if not text.strip():
        return np.zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a text that goes on after its numbers
        return np.fromstring(text, sep=" ")
