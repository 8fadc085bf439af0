"""The statements of a Wavefront OBJ text as arrays.

The text is searched and parsed as a whole with numpy, because it may have millions of lines.
"""

import re

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.mtl import decoded, plain_text, uncommented
from crossjepa.mesh.numbers import floats, integers

LINE_END, BLANK, SLASH = 10, 32, 47
MARGIN = 8  # line ends behind the text, so that any of its lines can be compared with a keyword


class Statements:
    """Finds statements by their keyword.

    Args:
        data: bytes of an OBJ file.
    """

    def __init__(self, data: bytes) -> None:
        text = b"\n" + plain_text(data) + b"\n" * MARGIN
        if b"\n " in text:
            text = re.sub(rb"\n +", b"\n", text)
        self._letters = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(self._letters == LINE_END)
        self._starts, self._lengths = ends[:-MARGIN] + 1, np.diff(ends)[: 1 - MARGIN]

    def rows(self, keyword: str) -> NDArray[np.int64]:
        """Numbers of the lines that begin with a keyword."""
        rows = np.arange(len(self._starts))
        for shift, letter in enumerate(f"{keyword} ".encode()):
            rows = rows[self._letters[self._starts[rows] + shift] == letter]
        return rows

    def words(self, keyword: str) -> list[str]:
        """What follows a keyword in each of its lines, with single blanks, without comments."""
        lines = self._lines(keyword).tobytes().splitlines()
        return [" ".join(uncommented(decoded(line)).split()[1:]) for line in lines]

    def numbers(self, keyword: str, columns: int) -> NDArray[np.float64]:
        """The first numbers of each line, (lines, columns); nan where there is none."""
        text, counts = self._values(keyword)
        values = np.append(_floats(text), np.nan)
        places = (np.cumsum(counts) - counts)[:, None] + np.arange(columns)
        return values[np.where(np.arange(columns) < counts[:, None], places, -1)]

    def corners(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What the corners of faces refer to.

        Returns:
            (C, 3) numbers of vertices, texture coordinates and normals as they stand in the file, 0 where
            there is none, and the number of corners of each face.

        Raises:
            BadMesh: if one is not a whole number.
        """
        text, counts = self._values("f")
        letters = np.frombuffer(text, np.uint8)
        words, slashes = _begins(letters > BLANK), np.flatnonzero(letters == SLASH)
        digits = _begins((letters > BLANK) & (letters != SLASH))
        word = np.searchsorted(words, digits, side="right") - 1
        field = np.searchsorted(slashes, digits) - np.searchsorted(slashes, words)[word]
        if field.max(initial=0) > 2:
            raise BadMesh("a corner of a face has more than three numbers")
        corners = np.zeros((len(words), 3), np.int64)
        corners[word, field] = _integers(text.replace(b"/", b" "))
        return corners, counts

    def _lines(self, keyword: str) -> NDArray[np.uint8]:
        chosen = np.zeros(len(self._starts), dtype=bool)
        chosen[self.rows(keyword)] = True
        inside = np.repeat(chosen, self._lengths)
        return self._letters[1 : len(inside) + 1][inside]

    def _values(self, keyword: str) -> tuple[bytes, NDArray[np.int64]]:
        """What follows a keyword in its lines, without comments, and how many words each line has."""
        letters = self._lines(keyword)
        starts = np.append(0, np.flatnonzero(letters == LINE_END) + 1)[:-1]
        for shift in range(len(keyword)):
            letters[starts + shift] = BLANK
        text = letters.tobytes()
        if b"#" in text:
            text = re.sub(rb"#.*", b"", text)
        letters = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(letters == LINE_END)
        return text, np.diff(np.searchsorted(_begins(letters > BLANK), ends), prepend=0)


def _begins(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where runs of true begin."""
    return np.flatnonzero(inside & ~np.append(False, inside[:-1]))


def _integers(text: bytes) -> NDArray[np.int64]:
    try:
        return integers(text)
    except ValueError as error:
        raise BadMesh("a face is not made of whole numbers") from error


def _floats(text: bytes) -> NDArray[np.float64]:
    """The numbers in a text; nan for a word that is none."""
    try:
        return floats(text)
    except ValueError:
        return np.array([_float(word) for word in text.split()], dtype=np.float64)


def _float(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan
