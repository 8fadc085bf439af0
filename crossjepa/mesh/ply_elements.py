"""The elements of a PLY file, such as its vertices and faces, as columns of numbers."""

import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.numbers import numbers
from crossjepa.mesh.polygons import runs

LINE_END = rb"(?:\r\n|\n|\r)"
FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\s*ply[ \t]*(" + LINE_END + rb")", re.IGNORECASE)
TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float": "f4", "double": "f8", "float32": "f4", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
ENDS_EARLY = "ends early: it holds fewer numbers than its header counts"


@dataclass(frozen=True)
class Property:
    """A column: the types of its numbers and, of a list, of the length before them; `declared` is the type
    in the header, which differs in ASCII files, whose numbers are all made doubles to have one reader."""

    name: str
    kind: np.dtype[Any]
    count: np.dtype[Any] | None
    declared: np.dtype[Any]


@dataclass(frozen=True, eq=False)
class Element:
    """The N rows of one element, by the property's name.

    Attributes:
        declared: the type in the file's header.
        scalars: (N,) numbers.
        lists: (N,) lengths, and the (sum of lengths,) numbers.
    """

    declared: dict[str, np.dtype[Any]] = field(default_factory=dict)
    scalars: dict[str, NDArray[Any]] = field(default_factory=dict)
    lists: dict[str, tuple[NDArray[np.int64], NDArray[Any]]] = field(default_factory=dict)

    def add(self, column: Property, lengths: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Add a column of single numbers or of lists."""
        if column.count is None:
            self.scalars[column.name] = values
        else:
            self.lists[column.name] = lengths, values


def read_elements(data: bytes) -> tuple[dict[str, Element], list[str]]:
    """All elements of a PLY file by name, and its comments.

    See http://paulbourke.net/dataformats/ply/ for the format.

    Raises:
        BadMesh: if it is no PLY file, has unknown types, or does not hold the numbers that its header counts.
    """
    start, order, lines = _header(data)
    rest = data[start:]
    body = numbers(rest).view(np.uint8) if order == "=" else np.frombuffer(rest, np.uint8)
    elements: dict[str, Element] = {}
    at = 0
    for name, size, properties in _layout(lines, order):
        elements[name], at = _read(body, at, size, properties)
    if order == "=" and at < len(body):  # then its rows are not what the header says
        raise BadMesh("it holds more numbers than its header counts")
    return elements, [line[8:].strip() for line in lines if line.startswith("comment ")]


def _header(data: bytes) -> tuple[int, str, list[str]]:
    """Where the body begins, the order of its bytes, and the lines of the header."""
    first = FIRST_LINE.match(data)
    if first is None:
        raise BadMesh("not a PLY file")
    # lines end as the first one does; a line feed after a carriage return may be the first byte of the body
    end = rb"end_header[ \t]*(?:%b|%b|\Z)" % (first[1], LINE_END)
    last = re.compile(LINE_END + end).search(data, first.start(1))
    if last is None:
        raise BadMesh("ends early: its header has no end")
    lines = re.split(LINE_END, data[first.end() : last.start()])
    text = [line.decode("latin-1").strip() for line in lines]
    formats = [line.split()[1] for line in text if line.startswith("format ")]
    if len(formats) != 1 or formats[0] not in ORDERS:
        raise BadMesh("a PLY file of an unknown format")
    return last.end(), ORDERS[formats[0]], text


def _layout(lines: list[str], order: str) -> list[tuple[str, int, list[Property]]]:
    """Each element's name, number of rows and properties."""
    elements: list[tuple[str, int, list[Property]]] = []
    for line in lines:
        match line.split():
            case ["element", name, size]:
                elements.append((name.lower(), int(size), []))
            case ["property", "list", count, kind, name]:
                elements[-1][2].append(_property(name, order, kind, count))
            case ["property", kind, name]:
                elements[-1][2].append(_property(name, order, kind, None))
    return elements


def _property(name: str, order: str, kind: str, count: str | None) -> Property:
    for unknown in {kind, count or kind} - TYPES.keys():
        raise BadMesh(f"numbers of type {unknown} are not supported in a PLY file")
    declared = np.dtype(TYPES[kind])
    if order == "=":
        return Property(name.lower(), np.dtype("f8"), np.dtype("f8") if count else None, declared)
    length = np.dtype(order + TYPES[count]) if count else None
    return Property(name.lower(), np.dtype(order + TYPES[kind]), length, declared)


def _read(body: NDArray[np.uint8], start: int, size: int, properties: list[Property]) -> tuple[Element, int]:
    """The rows that begin at byte `start`, and the byte after them."""
    heads = np.array([column.count.itemsize if column.count else 0 for column in properties], np.int64)
    sizes = np.array([column.kind.itemsize for column in properties], np.int64)
    least = int(np.where(heads, heads, sizes).sum())
    if size < 0 or start + size * least > len(body):
        raise BadMesh(ENDS_EARLY)
    element = Element({column.name: column.declared for column in properties})
    if size == 0 or not properties:
        return element, start
    first = _lengths(body, start, 1, properties)
    end = start + size * int((heads + sizes * first).sum())
    # nearly always all rows are as long as the first one
    if end <= len(body) and _read_equal(element, body[start:end].reshape(size, -1), properties, first[0]):
        return element, end
    lengths = _lengths(body, start, size, properties)
    widths = heads + sizes * lengths
    ends = start + np.cumsum(widths.sum(axis=1))
    at = ends - widths.sum(axis=1)
    for column, head, counts, width in zip(properties, heads, lengths.T, widths.T, strict=True):
        places = runs(at + head, counts, column.kind.itemsize)
        element.add(column, counts, _gather(body, places, column.kind))
        at = at + width
    return element, int(ends[-1])


def _read_equal(
    element: Element, rows: NDArray[np.uint8], properties: list[Property], lengths: NDArray[np.int64]
) -> bool:
    """Add the columns of rows (size, bytes); False if a list is not as long in all rows as in the first."""
    at = 0
    for column, length in zip(properties, lengths.tolist(), strict=True):
        if column.count is not None:
            at, counts = _cut(rows, at, column.count, 1)
            if (counts != length).any():
                return False
        at, values = _cut(rows, at, column.kind, length)
        element.add(column, np.full(len(rows), length), values)
    return True


def _cut(rows: NDArray[np.uint8], at: int, kind: np.dtype[Any], length: int) -> tuple[int, NDArray[Any]]:
    """The byte after the numbers that begin at byte `at` of each row, and the numbers."""
    end = at + kind.itemsize * length
    return end, np.ascontiguousarray(rows[:, at:end]).reshape(-1).view(kind)


def _lengths(body: NDArray[np.uint8], start: int, size: int, properties: list[Property]) -> NDArray[np.int64]:
    """(size, properties) lengths of the lists, from row to row; 1 for a single number."""
    raw, at, lengths = body.data, start, []
    counts = [column.count for column in properties]
    structs = [count and struct.Struct(count.byteorder.replace("|", "=") + count.char) for count in counts]
    steps = [(count, column.kind.itemsize) for count, column in zip(structs, properties, strict=True)]
    try:
        for _ in range(size):
            for count, each in steps:
                length = 1
                if count is not None:
                    length = int(count.unpack_from(raw, at)[0])
                    at += count.size
                at += length * each
                lengths.append(length)
    except struct.error as error:
        raise BadMesh(ENDS_EARLY) from error
    if at > len(body):
        raise BadMesh(ENDS_EARLY)
    if min(lengths) < 0:
        raise BadMesh("a list of negative length")
    return np.array(lengths, dtype=np.int64).reshape(size, len(steps))


def _gather(body: NDArray[np.uint8], places: NDArray[np.int64], kind: np.dtype[Any]) -> NDArray[Any]:
    """Numbers that begin at any bytes; byte by byte, so that few indices are held at once."""
    raw = np.empty((len(places), kind.itemsize), np.uint8)
    for byte in range(kind.itemsize):
        raw[:, byte] = body[places + byte]
    return raw.reshape(-1).view(kind)
