"""Parsing long texts of numbers."""

import warnings

import numpy as np
from numpy.typing import NDArray


def parse(text: bytes | str, dtype: type[np.generic]) -> NDArray[np.generic]:
    """The numbers in a text, parted by white space.

    Raises:
        ValueError: if a word is not a number of this type.
    """
    if not text.strip():  # numpy would give one number
        return np.zeros(0, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # numpy before 2.3 only warns
        try:
            return np.fromstring(text, dtype=dtype, sep=" ")
        except DeprecationWarning as warning:
            raise ValueError(str(warning)) from warning
