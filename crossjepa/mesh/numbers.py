"""Parsing long texts of numbers that white space parts."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh


def integers(text: bytes | str) -> NDArray[np.int64]:
    """Whole numbers.

    Raises:
        BadMesh: if there are decimal commas.
        ValueError: if a word is none.
    """
    return _parsed(text, np.int64)


def floats(text: bytes | str) -> NDArray[np.float64]:
    """Numbers.

    Raises:
        BadMesh: if there are decimal commas.
        ValueError: if a word is none.
    """
    return _parsed(text, np.float64)


def numbers(text: bytes) -> NDArray[np.float64]:
    """Numbers, in a format that has nothing else here.

    Raises:
        BadMesh: if a word is none, or there are decimal commas.
    """
    try:
        return floats(text)
    except ValueError as error:
        raise BadMesh("a word among its numbers is not a number") from error


def _parsed(text: bytes | str, dtype: type[np.generic]) -> NDArray[Any]:
    if not text.strip():  # numpy would give one number
        return np.zeros(0, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # numpy before 2.3 only warns
        try:
            return np.fromstring(text, dtype=dtype, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            if ("," if isinstance(text, str) else b",") in text:  # type: ignore[operator]
                raise BadMesh("numbers with commas are not supported") from error
            raise ValueError("not a list of numbers") from error
