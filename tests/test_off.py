"""OFF files in all their forms."""

import struct

import numpy as np
import pytest

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import PLAIN
from crossjepa.mesh.mesh import Mesh, Part, to_linear
from crossjepa.mesh.read import read_mesh

SQUARE = ("0 0 0", "2 0 0", "2 1 0", "0 1 0")
FACES = ("3 0 1 2", "4 0 1 2 3")
HALF_RED = to_linear(np.array([128 / 255, 0, 0, 1]))


def off(keyword: str = "OFF\n", vertex: str = "", faces: tuple[str, ...] = FACES, end: str = "\n") -> bytes:
    """A square: after each vertex stands `vertex`."""
    lines = [f"{keyword}4 {len(faces)} 0", *(corner + vertex for corner in SQUARE), *faces]
    return ("\n".join(lines) + "\n").replace("\n", end).encode()


def missing(name: str) -> bytes:
    raise FileNotFoundError(name)


def read(data: bytes) -> Mesh:
    return read_mesh(data, ".off", missing)


def only(data: bytes) -> Part:
    """The part of a file with the square, which is looked at."""
    (part,) = read(data).parts
    assert part.vertices.tolist() == [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]]
    assert part.faces.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3]]
    return part


@pytest.mark.parametrize(
    "keyword", ["OFF\n", "OFF ", "OFF", "", "\ufeffOFF\n", "\n# by hand\nOFF # it is\n\n", "off\n"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_counts_follow_the_keyword_in_any_way(keyword: str, end: str) -> None:
    part = only(off(keyword, end=end))
    assert part.factor.tolist() == PLAIN.tolist()
    assert part.vertex_colours is None
    assert part.face_colours is None


def test_comments_and_empty_lines_are_passed_over() -> None:
    only(off().replace(b"\n3 0", b" # last\n\n# faces 3 4\n3 0").replace(b"1 2\n", b"1 2 # one\n"))


@pytest.mark.parametrize("faces", [FACES, ("3", "0 1", "2", "4 0", "1 2 3"), ("3 0 1 2 4 0 1 2 3",)])
@pytest.mark.parametrize("parted", ["\n", " ", " \n\n"])
def test_lines_may_be_wrapped(faces: tuple[str, ...], parted: str) -> None:
    head = parted.join(" ".join(SQUARE).split())
    only(f"OFF 4 2 0\n{head}\n{chr(10).join(faces)}".encode())


@pytest.mark.parametrize(
    ("keyword", "vertex"),
    [
        ("COFF", " 128 0 0 255"),
        ("COFF", " 128 0 0"),
        ("COFF", " 0.50196 0.0 0.0 1.0"),
        ("CNOFF", " 0 0 1 128 0 0 255"),
        ("STCNOFF", " 0 0 1 128 0 0 255 .5 .5"),
        ("STCOFF", " 128 0 0 255 .5 .5"),
    ],
)
def test_colours_of_vertices(keyword: str, vertex: str) -> None:
    assert only(off(keyword + "\n", vertex)).vertex_colours == pytest.approx(
        np.tile(HALF_RED, (4, 1)), abs=1e-4
    )


def test_coloured_vertices_may_stand_on_one_line() -> None:
    vertices = " ".join(f"{corner} 128 0 0 255" for corner in SQUARE)
    part = only(f"COFF\n4 2 0\n{vertices}\n3 0 1 2\n4 0 1 2 3\n".encode())
    assert part.vertex_colours == pytest.approx(np.tile(HALF_RED, (4, 1)), abs=1e-4)


@pytest.mark.parametrize(
    ("keyword", "vertex"), [("NOFF", " 0 0 1"), ("STOFF", " .5 .5"), ("STNOFF", " 0 0 1 .5 .5")]
)
def test_normals_and_texture_coordinates_are_no_colours(keyword: str, vertex: str) -> None:
    assert only(off(keyword + "\n", vertex)).vertex_colours is None
    assert not read(off(keyword + "\n", vertex)).warnings


def test_numbers_that_the_keyword_does_not_name_are_told() -> None:
    assert only(off("OFF\n", " 255 0 0")).vertex_colours is None
    assert read(off("OFF\n", " 255 0 0")).warnings == (
        "3 numbers after each vertex are not read: OFF has none",
    )


@pytest.mark.parametrize("colour", ["128 0 0", "128 0 0 255", "0.50196 0.0 0.0", "0.50196 0.0 0.0 1.0"])
def test_colours_of_faces(colour: str) -> None:
    part = only(off(faces=(f"3 0 1 2 {colour}", f"4 0 1 2 3  {colour}")))
    assert part.face_colours == pytest.approx(np.tile(HALF_RED, (3, 1)), abs=1e-4)
    assert part.factor.tolist() == [1, 1, 1, 1]


def test_faces_without_a_colour_stay_plain_beside_coloured_ones() -> None:
    part = only(off(faces=("3 0 1 2 7", "4 0 1 2 3 128 0 0")))
    assert part.face_colours == pytest.approx(np.stack([PLAIN, HALF_RED, HALF_RED]), abs=1e-4)


def test_an_index_is_no_colour() -> None:
    assert only(off(faces=("3 0 1 2 1", "4 0 1 2 3 5"))).face_colours is None


def test_binary_files_are_big_endian() -> None:
    data = b"OFF BINARY\n" + struct.pack(">3i", 4, 2, 0)
    data += b"".join(struct.pack(">3f", *map(float, corner.split())) for corner in SQUARE)
    data += struct.pack(">5i", 3, 0, 1, 2, 0) + struct.pack(">6i4f", 4, 0, 1, 2, 3, 4, 128 / 255, 0, 0, 1)
    assert only(data).face_colours == pytest.approx(np.stack([PLAIN, HALF_RED, HALF_RED]), abs=1e-4)
    with pytest.raises(BadMesh, match="ends early"):
        read(data[:-4])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello", "not an OFF file"),
        (off()[:-4], "ends early"),
        (off(faces=("3 0 1", "2 255 0 0")).replace(b"2 0\n", b"1 0\n", 1), "more numbers"),
        (off("OFF\n1000000000 1 0\n"), "ends early"),
        (off("OFF\n4 1000000000 0\n"), "ends early"),
        (off("OFF\n-4 1 0\n"), "-4"),
        (off("OFF\n.5 1 0\n"), "0.5"),
        (off(faces=("3 0 1 4",)), "none of the 4"),
        (off(faces=("3 0 1 -1",)), "none of the 4"),
        (off(faces=("-3 0 1 2",)), "negative"),
        (off(faces=()), "no faces"),
        (off("4OFF\n", " 1"), "4OFF"),
        (off("nOFF\n3\n"), "nOFF"),
        (off("NCOFF\n"), "NCOFF"),
    ],
)
def test_what_is_damaged_or_rare_is_told(data: bytes, message: str) -> None:
    with pytest.raises(BadMesh, match=message):
        read(data)


def test_two_counts_alone_on_their_line_are_enough() -> None:
    text = b"OFF\n3 1\n0 0 0\n2 0 0\n0 1 0\n3 0 1 2\n"
    mesh = read_mesh(text, ".off", lambda _: b"")
    np.testing.assert_array_equal(mesh.parts[0].vertices, [[0, 0, 0], [2, 0, 0], [0, 1, 0]])
