"""Reading PCD, the format of the Point Cloud Library, versions .5 to .7.

Source: https://pointclouds.org/documentation/tutorials/pcd_file_format.html. `_` names padding; an organised
cloud has NaN where the sensor saw nothing.
"""

import io
import re
from dataclasses import dataclass

import lzf
import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh

TYPES = {"F": "f", "I": "i", "U": "u"}
MOST_REPEATED = 100  # LZF's three bytes stand for at most 264


@dataclass(frozen=True)
class _Header:
    """What a PCD file says about its points.

    Attributes:
        points: how many.
        formats: numpy dtypes of x, y and z.
        columns: their columns in a text file.
        offsets: their first bytes in a point.
        size: bytes of a point.
        data: encoding.
    """

    points: int
    formats: list[str]
    columns: list[int]
    offsets: list[int]
    size: int
    data: str


def read_pcd(data: bytes) -> NDArray[np.float64]:
    """Read the fields x, y and z of a PCD file: ASCII, binary or compressed.

    Returns:
        (N, 3) float64 points, NaN where the file has NaN.

    Raises:
        BadMesh: if it has no such fields, an unknown encoding, or fewer points than its header says.
    """
    end = re.search(rb"^[ \t]*DATA[ \t]+(\w+)[ \t]*(?:\r\n|\n|\r)", data, re.MULTILINE)
    if not end:
        raise BadMesh("not a PCD file: its header has no line DATA")
    header, body = _read_header(data[: end.end()]), data[end.end() :]
    if header.data == "ascii":
        lines = io.BytesIO(body.replace(b"\r", b"\n"))
        points = np.loadtxt(lines, comments="#", usecols=header.columns, ndmin=2)
        _check(len(points), header.points)
        return points[: header.points]
    if header.data == "binary":
        _check(len(body) // header.size, header.points)
        return _columns(body, header, header.size, 1)
    if header.data == "binary_compressed":
        return _columns(_unpack(body, header), header, None, header.points)
    raise BadMesh(f"PCD data '{header.data}' is not supported: ascii, binary and binary_compressed are")


def _read_header(text: bytes) -> _Header:
    lines = (line.split() for line in text.decode(errors="replace").splitlines())
    entries = {words[0].upper(): words[1:] for words in lines if words and not words[0].startswith("#")}
    fields = [field.lower() for field in entries.get("FIELDS") or entries.get("COLUMNS") or []]
    if not {"x", "y", "z"} <= set(fields):
        raise BadMesh(f"no fields x, y and z, only {' '.join(fields)}")
    counts = np.array([int(count) for count in entries.get("COUNT", ["1"] * len(fields))])
    sizes = np.array([int(size) for size in entries.get("SIZE", ["4"] * len(fields))])
    types = entries.get("TYPE", ["F"] * len(fields))
    if not len(fields) == len(counts) == len(sizes) == len(types) or (sizes < 1).any() or (counts < 1).any():
        raise BadMesh("its header has not one SIZE, TYPE and COUNT for each of FIELDS")
    places = [fields.index(axis) for axis in "xyz"]
    before = [int((sizes * counts)[:place].sum()) for place in places]
    size = entries.get("WIDTH", ["0"])[0], entries.get("HEIGHT", ["1"])[0]
    return _Header(
        points=int(entries["POINTS"][0]) if "POINTS" in entries else int(size[0]) * int(size[1]),
        formats=[f"<{TYPES[types[place].upper()]}{sizes[place]}" for place in places],
        columns=[int(counts[:place].sum()) for place in places],
        offsets=before,
        size=int((sizes * counts).sum()),
        data=entries["DATA"][0].lower(),
    )


def _columns(body: bytes, header: _Header, step: int | None, between: int) -> NDArray[np.float64]:
    """x, y and z of all points.

    Args:
        body: the points.
        header: what lies in them.
        step: bytes from one point to the next, or None where each field's values lie together.
        between: bytes that each byte of `header.offsets` stands for.
    """
    columns = [
        np.ndarray(header.points, form, body, offset * between, None if step is None else (step,))
        for form, offset in zip(header.formats, header.offsets, strict=True)
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _unpack(body: bytes, header: _Header) -> bytes:
    """The fields of a compressed body, one after another."""
    packed, unpacked = (int(size) for size in np.frombuffer(body, "<u4", count=2))
    if unpacked != header.points * header.size or unpacked > packed * MOST_REPEATED:
        raise BadMesh(f"its {packed} compressed bytes are not {header.points} points of {header.size} bytes")
    content: bytes = lzf.decompress(body[8 : 8 + packed], unpacked) or b""
    _check(len(content) // header.size, header.points)
    return content


def _check(there: int, wanted: int) -> None:
    if there < wanted:
        raise BadMesh(f"ends early: {there} of {wanted} points")
