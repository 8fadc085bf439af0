"""STL files, in text and binary, and their colours."""

import struct

import numpy as np
import pytest

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import PLAIN
from crossjepa.mesh.mesh import Mesh, Part, to_linear
from crossjepa.mesh.read import read_mesh

CORNERS = ((0, 0, 0), (2, 0, 0), (0, 3, -1.5))
RED = [1, 0, 0, 1]


def missing(name: str) -> bytes:
    raise FileNotFoundError(name)


def read(data: bytes) -> Mesh:
    return read_mesh(data, ".STL", missing)


def only(data: bytes) -> Part:
    (part,) = read(data).parts
    return part


def text(*corners: tuple[float, float, float], name: str = "a box") -> str:
    lines = "\n".join(f"      vertex {x:e} {y} {z}" for x, y, z in corners)
    facet = f"  facet normal 0 0 1\n    outer loop\n{lines}\n    endloop\n  endfacet\n"
    return f"solid {name}\n{facet}endsolid {name}\n"


def binary(*attributes: int, header: bytes = b"made by hand") -> bytes:
    facet = struct.pack("<12f", 0, 0, 1, *np.ravel(CORNERS))
    facets = b"".join(facet + struct.pack("<H", attribute) for attribute in attributes)
    return header.ljust(80, b" ") + struct.pack("<I", len(attributes)) + facets


@pytest.mark.parametrize(
    "change", [str, str.upper, lambda s: "\n \r\n" + s, lambda s: s.replace("\n", "\r\n")]
)
def test_text(change: type[str]) -> None:
    part = only(change(text(*CORNERS)).encode())
    assert part.vertices[part.faces].tolist() == [[list(corner) for corner in CORNERS]]
    assert part.factor.tolist() == PLAIN.tolist()
    assert part.face_colours is None


def test_all_solids_of_a_text_are_read() -> None:
    empty = "solid empty\nendsolid empty\n"
    assert read((text(*CORNERS) + empty + text(*CORNERS, name="vertex")).encode()).count == 2


@pytest.mark.parametrize(
    ("header", "trailing"),
    [(b"by hand", b""), (b"by hand", b"1234567"), (b"solid", b"1234567"), (b"solid facet normal", b"")],
)
def test_binary(header: bytes, trailing: bytes) -> None:
    part = only(binary(0, 0, header=header) + trailing)
    assert part.vertices[part.faces].tolist() == [[list(corner) for corner in CORNERS]] * 2
    assert part.face_colours is None


def test_facets_that_are_not_counted_are_told() -> None:
    data = bytearray(binary(0, 0))
    data[80] = 1
    assert read(bytes(data)).warnings == ("1 facets after the 1 that are counted are not read",)


def test_viscam_colours_of_facets() -> None:
    colours = only(binary(0x8000 | 31 << 10, 0x8000 | 15, 31)).face_colours
    assert colours is not None
    assert colours[0].tolist() == RED
    assert colours[1] == pytest.approx(to_linear(np.array([0, 0, 15 / 31, 1])))
    assert colours[2].tolist() == PLAIN.tolist()


def test_magics_colours_of_the_object_and_of_facets() -> None:
    colours = only(binary(0, 0x8000 | 1, 31 << 10, header=b"COLOR=\xff\x00\x00\xff,MATERIAL=")).face_colours
    assert colours is not None
    assert colours.tolist() == [RED, RED, [0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (binary(0, 0)[:-1], "2 facets are counted, 1 there"),
        (binary()[:80] + b"\xff" * 4, "4294967295 facets are counted, 0 there"),
        (binary(), "no faces"),
        (b"solid nothing\nendsolid nothing\n", "no faces"),
        (text(*CORNERS).encode()[:-50], "ends early"),
        (text(*CORNERS, (1, 1, 1)).encode(), "without three corners"),
        (text(*CORNERS).replace("3", "three").encode(), "without three corners"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, message: str) -> None:
    with pytest.raises(BadMesh, match=message):
        read(data)
