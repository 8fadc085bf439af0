"""Reading point clouds from text: rows of numbers, whose separators and headers differ between programs."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh

AXES = {"x", "y", "z"}
SEPARATORS = ";,\t"
MARK = "\ufeff"  # a byte order mark
SEARCHED = 1_000_000  # characters in which decimal commas are looked for: they stand in nearly every row
COMMENT = re.compile(r"(?:^|(?<=[\s,;]))(?:#|//).*", re.MULTILINE)
NOT_A_NUMBER = re.compile(r"[-+]?(?:1\.#[A-Z]+\d*|nan\([a-z]+\))")  # as Microsoft's C library prints it
_WITH_COMMA = r"[-+]?\d+,\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
DECIMAL_COMMA = re.compile(
    rf"[; \t]{_WITH_COMMA}(?=[;\s]|$)|^{_WITH_COMMA}[; \t]+[-+\d]"  # 0,5 beside a blank or a semicolon
    r"|\A[^.]*(?:^|,)[ \t]*(?:[-+]?0\d|-0[ \t]*(?:,|$))[^.]*\Z",  # 0,05,0,5,-0,5: no row of integers
    re.MULTILINE,
)


@dataclass
class _Preamble:
    """What stands above the first row.

    Attributes:
        names: of the columns, in a line that is no comment.
        remarks: words of comments, which may be names of columns.
        count: the number of rows that a line of its own announces, or -1.
        start: where the first row begins.
        row: the first row.
    """

    names: list[str]
    remarks: list[list[str]]
    count: int = -1
    start: int = 0
    row: str = ""


def read_text(data: bytes) -> NDArray[np.float64]:
    """Read rows of numbers, separated by blanks, tabs, commas or semicolons.

    Columns that a header calls x, y and z hold the coordinates, or else the first three; the others may hold
    words. Comments begin with # or //. A line above the rows may say how many there are.

    Returns:
        (N, 3) float64 points, NaN where a value is missing or not a number.

    Raises:
        BadMesh: if numbers have decimal commas, a header does not name x, y and z, or there are not as many
            rows as announced.
        ValueError: if a coordinate is not a number.
    """
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n").replace('"', "")
    if "#" in text or "(" in text:
        text = NOT_A_NUMBER.sub("nan", text)
    if DECIMAL_COMMA.search(_without_comments(text[:SEARCHED])):
        raise BadMesh("numbers with decimal commas: write decimal points")
    above = _read_preamble(text)
    columns, separator = _choose_columns(above)
    body = _without_comments(text[above.start :])
    if separator:
        body = _fill_gaps(body, separator)
    points = np.loadtxt(io.StringIO(body), comments=None, delimiter=separator, usecols=columns, ndmin=2)
    if above.count not in (-1, len(points)):
        raise BadMesh(f"its first line announces {above.count} points, but {len(points)} rows follow")
    return points


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16").lstrip(MARK)
    if b"\0" in data:
        raise BadMesh("not text: it holds zero bytes; save it as UTF-8")
    return data.decode(errors="replace").lstrip(MARK)


def _without_comments(text: str) -> str:
    return COMMENT.sub("", text) if "#" in text or "//" in text else text


def _fill_gaps(body: str, separator: str) -> str:
    """Rows in which fields without a value are NaN."""
    gaps = (separator * 2, f"{separator} {separator}", f"{separator}\n", f"{separator} \n", f"\n{separator}")
    if not any(gap in f"{body}\n" for gap in gaps):  # much faster than a search by the pattern below
        return body
    empty = rf"(?<={separator}) *(?={separator}|$)|^(?={separator})"
    return re.sub(empty, "nan", body, flags=re.MULTILINE)


def _read_preamble(text: str) -> _Preamble:
    """Read down to the first line with three numbers."""
    above = _Preamble([], [])
    for match in re.finditer(r"[^\n]+", text):
        line = match[0].strip()
        words = _split(line)
        if COMMENT.match(line):
            above.remarks.append(_split(line.lstrip("#/").lower()))
        elif sum(_is_number(word or "nan") for word in words) >= 3:
            above.start, above.row = match.start(), _without_comments(match[0])
            return above
        elif len(words) == 1 and words[0].isdecimal():
            above.count = int(words[0])
        elif words:
            above.names = _split(line.lower())
    raise BadMesh("no points: no line has three numbers")


def _choose_columns(above: _Preamble) -> tuple[Sequence[int], str | None]:
    """The columns of x, y and z, and what separates columns: None for any blanks."""
    width = len(_split(above.row))
    if above.names and (not AXES.issubset(above.names) or len(above.names) != width):
        told = " ".join(above.names)[:80]
        raise BadMesh(f"its header must name {width} columns, among them x, y and z, and is '{told}'")
    named = [names for names in (*above.remarks, above.names) if AXES.issubset(names) and len(names) == width]
    columns = [named[-1].index(axis) for axis in "xyz"] if named else [0, 1, 2]
    for separator in SEPARATORS:
        fields = [field.strip() for field in above.row.split(separator)]
        gap = "" if separator == "\t" else "nan"  # several tabs may align a column
        if len(fields) > max(columns) and all(_is_number(fields[column] or gap) for column in columns):
            return columns, separator
    return columns, None


def _split(line: str) -> list[str]:
    """The fields of a line, without knowing its separator."""
    line = line.strip().rstrip(",;")
    found = next((separator for separator in SEPARATORS if separator in line), None)
    fields = [field.strip() for field in line.split(found)] if line else []
    return [field for field in fields if field or found != "\t"]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
