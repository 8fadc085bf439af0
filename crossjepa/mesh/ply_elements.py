"""The elements of a PLY file, such as its vertices and faces, as columns of numbers."""

import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.polygons import runs
from crossjepa.mesh.text import numbers

LINE_END = rb"(?:\r\n|\n|\r)"
FIRST_LINE = re.compile(rb"\s*ply[ \t]*(" + LINE_END + rb")", re.IGNORECASE)
TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float": "f4", "double": "f8", "float32": "f4", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
ENDS_EARLY = "ends early: it holds fewer numbers than its header counts"
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Property:
    """A column: the types of its numbers and, of a list, of the length before them; `declared` is the type
    in the header, which differs in ASCII files, whose numbers are all made doubles to have one reader."""

    name: str
    kind: np.dtype[Any]
    count: np.dtype[Any] | None
    declared: np.dtype[Any]


@dataclass(eq=False)
class Element:
    """The N rows of one element, by the property's name.

    Attributes:
        scalars: (N,) numbers.
        lists: (N,) lengths, and the (sum of lengths,) numbers.
        declared: the type in the file's header.
    """

    scalars: dict[str, Numbers] = field(default_factory=dict)
    lists: dict[str, tuple[NDArray[np.int64], Numbers]] = field(default_factory=dict)
    declared: dict[str, np.dtype[Any]] = field(default_factory=dict)


def read_elements(data: bytes) -> tuple[dict[str, Element], list[str]]:
    """All elements of a PLY file by name, and its comments.

    See http://paulbourke.net/dataformats/ply/ for the format.

    Raises:
        BadMesh: if it is no PLY file, has unknown types, or ends before its last element.
    """
    start, order, lines = _header(data)
    body = (
        numbers(data[start:]).view(np.uint8) if order == "=" else np.frombuffer(data, np.uint8, offset=start)
    )
    elements: dict[str, Element] = {}
    at = 0
    for name, size, properties in _layout(lines, order):
        elements[name], at = _read(body, at, size, properties)
        elements[name].declared = {column.name: column.declared for column in properties}
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
    least = sum((column.count or column.kind).itemsize for column in properties)
    if size < 0 or start + size * least > len(body):
        raise BadMesh(ENDS_EARLY)
    if size == 0 or not properties:
        return Element(), start
    first = _lengths(body, start, 1, properties)[0]
    width = int(_widths(properties, first[None]).sum())
    if start + size * width <= len(body):  # nearly always all rows are as long as the first one
        element = _equal_rows(body[start : start + size * width].reshape(size, width), properties, first)
        if element is not None:
            return element, start + size * width
    return _unequal_rows(body, start, size, properties)


def _lengths(body: NDArray[np.uint8], start: int, size: int, properties: list[Property]) -> NDArray[np.int64]:
    """(size, lists) lengths of the lists, from row to row."""
    steps, skip = [], 0
    for column in properties:
        if column.count is None:
            skip += column.kind.itemsize
        else:
            count = struct.Struct(column.count.byteorder.replace("|", "=") + column.count.char)
            steps.append((skip, count.unpack_from, count.size, column.kind.itemsize))
            skip = 0
    raw, at, lengths = body.data, start, []
    try:
        for _ in range(size):
            for before, unpack, width, each in steps:
                at += before
                lengths.append(length := int(unpack(raw, at)[0]))
                at += width + length * each
            at += skip
    except struct.error as error:
        raise BadMesh(ENDS_EARLY) from error
    if at > len(body):
        raise BadMesh(ENDS_EARLY)
    if min(lengths, default=0) < 0:
        raise BadMesh("a list of negative length")
    return np.array(lengths, dtype=np.int64).reshape(size, len(steps))


def _equal_rows(
    rows: NDArray[np.uint8], properties: list[Property], lengths: NDArray[np.int64]
) -> Element | None:
    """The columns of rows (size, bytes) whose lists all have these lengths; None if some have not."""
    element, at, lists = Element(), 0, iter(lengths.tolist())

    def cut(kind: np.dtype[Any], length: int) -> Numbers:
        nonlocal at
        at += kind.itemsize * length
        return np.ascontiguousarray(rows[:, at - kind.itemsize * length : at]).reshape(-1).view(kind)

    for column in properties:
        if column.count is None:
            element.scalars[column.name] = cut(column.kind, 1)
        else:
            length = next(lists)
            counts = cut(column.count, 1)
            if (counts != length).any():
                return None
            element.lists[column.name] = counts.astype(np.int64), cut(column.kind, length)
    return element


def _unequal_rows(
    body: NDArray[np.uint8], start: int, size: int, properties: list[Property]
) -> tuple[Element, int]:
    """The columns of rows whose lists have different lengths, and the byte after them."""
    lengths = _lengths(body, start, size, properties)
    widths = _widths(properties, lengths)
    ends = start + np.cumsum(widths.sum(axis=1))
    at = ends - widths.sum(axis=1)
    element, lists = Element(), iter(lengths.T)
    for column, width in zip(properties, widths.T, strict=True):
        if column.count is None:
            element.scalars[column.name] = _gather(body, at, column.kind)
        else:
            counts = next(lists)
            places = runs(at + column.count.itemsize, counts, column.kind.itemsize)
            element.lists[column.name] = counts, _gather(body, places, column.kind)
        at = at + width
    return element, int(ends[-1])


def _widths(properties: list[Property], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(size, properties) bytes of each row's columns, from the (size, lists) lengths."""
    lists = iter(lengths.T)
    return np.stack(
        [
            np.full(len(lengths), column.kind.itemsize)
            if column.count is None
            else column.count.itemsize + column.kind.itemsize * next(lists)
            for column in properties
        ],
        axis=1,
    )


def _gather(body: NDArray[np.uint8], places: NDArray[np.int64], kind: np.dtype[Any]) -> Numbers:
    """Numbers that begin at any bytes; byte by byte, so that few indices are held at once."""
    raw = np.empty((len(places), kind.itemsize), np.uint8)
    for byte in range(kind.itemsize):
        raw[:, byte] = body[places + byte]
    return raw.reshape(-1).view(kind)
