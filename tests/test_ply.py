"""PLY files in all their forms."""

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh, to_linear
from crossjepa.mesh.ply import read_ply_points
from crossjepa.mesh.read import read_mesh

XYZ = "property float x\nproperty float y\nproperty float z\n"
FACE = "property list uchar int vertex_indices\n"
SQUARE = "0 0 0\n2 0 0\n2 1 0\n0 1 0\n"
HALF_RED = to_linear(np.array([128 / 255, 0, 0, 1]))


def missing(name: str) -> bytes:
    raise FileNotFoundError(name)


def ply(vertex: str, face: str, body: str, comments: str = "", vertices: int = 4, faces: int = 1) -> bytes:
    """An ASCII file."""
    header = (
        f"ply\nformat ascii 1.0\n{comments}element vertex {vertices}\n{vertex}element face {faces}\n{face}"
    )
    return f"{header}end_header\n{body}".encode()


def read(data: bytes, **files: bytes) -> Mesh:
    return read_mesh(data, ".ply", lambda name: files[name] if name in files else missing(name))


def png(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(stream, "PNG")
    return stream.getvalue()


def area(mesh: Mesh) -> float:
    a, b, c = mesh.triangles.transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_materials_are_told() -> None:
    data = ply(XYZ, FACE, SQUARE + "4 0 1 2 3\n255\n").replace(
        b"end_header", b"element material 1\nproperty uchar diffuse_red\nend_header"
    )
    assert read(data).warnings == ("materials of a PLY file are not read",)
    assert read(b"\xef\xbb\xbf" + data).count == 2


MIXED = ply(XYZ, FACE, SQUARE + "3 0 1 2\n4 0 1 2 3\n3 0 2 3\n", faces=3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way(end: str) -> None:
    data = MIXED.replace(b"format", b"comment caf\xe9\nobj_info x\nformat").replace(b"\n", end.encode())
    assert read(data).count == 4
    assert area(read(data)) == pytest.approx(4)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_binary_files_hold_anything_around_what_is_read(order: str, end: bytes) -> None:
    header = (
        f"ply\nformat binary_{order}_endian 1.0\nelement camera 1\nproperty double f\n"
        "element vertex 4\nproperty uchar flag\nproperty double x\nproperty short y\nproperty float z\n"
        "element face 2\nproperty uchar flag\nproperty list ushort uint vertex_index\n"
        "property list uchar float texcoord\nproperty int id\n"
        "element edge 1\nproperty int vertex1\nproperty int vertex2\nend_header\n"
    )
    b = "<" if order == "little" else ">"
    body = struct.pack(b + "d", 10.5)
    for x, y in ((0, 0), (2, 0), (2, 1), (0, 1)):
        body += struct.pack(b + "Bdhf", 10, x + 1e9, y, 0)
    body += struct.pack(b + "BH3IB6fi", 7, 3, 0, 1, 2, 6, *[0.5] * 6, -1)
    body += struct.pack(b + "BH4IBi", 7, 4, 0, 1, 2, 3, 0, -1)
    body += struct.pack(b + "ii", 0, 1)
    data = header.encode().replace(b"\n", end) + body
    mesh = read(data)
    assert area(mesh) == pytest.approx(3)
    assert np.ptp(mesh.triangles.reshape(-1, 3), axis=0).tolist() == [2, 1, 0]
    for cut in (1, 9, 30, 60):
        with pytest.raises(BadMesh, match="ends early"):
            read(data[:-cut])


def test_a_line_feed_can_be_the_first_byte_of_the_body() -> None:
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex 1\n{XYZ.replace('float', 'uchar')}end_header\n"
    )
    points = read_ply_points(header.replace("\n", "\r").encode() + bytes([10, 13, 10]))
    assert points.tolist() == [[10, 13, 10]]


def test_concave_polygons_are_covered_once() -> None:
    corners = "0 0 0\n2 0 0\n2 .3 0\n.3 .3 0\n.3 2 0\n0 2 0\n"
    mesh = read(ply(XYZ, FACE, corners + "6 4 5 0 1 2 3\n", vertices=6))
    assert mesh.count == 4
    assert area(mesh) == pytest.approx(1.11)


def test_strips_are_parted_and_keep_their_winding() -> None:
    header = f"ply\nformat ascii 1.0\nelement vertex 4\n{XYZ}element tristrips 1\n{FACE}end_header\n"
    mesh = read(f"{header}0 0 0\n1 0 0\n0 1 0\n1 1 0\n10 0 1 2 3 -1 0 1 3 -1 1\n".encode())
    assert mesh.parts[0].faces.tolist() == [[0, 1, 2], [2, 1, 3], [0, 1, 3]]


def colours(names: str, kind: str) -> str:
    return "".join(f"property {kind} {name}\n" for name in names.split())


@pytest.mark.parametrize(
    ("kind", "half"),
    [("uchar", "128"), ("ushort", "32896"), ("float", ".50196"), ("float", "128"), ("int", "128")],
)
@pytest.mark.parametrize(
    "names", ["red green blue", "diffuse_red diffuse_green diffuse_blue", "red green blue alpha", "r g b"]
)
@pytest.mark.parametrize("where", ["vertex", "face"])
def test_colours_of_vertices_and_faces(kind: str, half: str, names: str, where: str) -> None:
    full = {"uchar": "255", "ushort": "65535", "float": "1" if half.startswith(".") else "255", "int": "255"}[
        kind
    ]
    words = f" {half} 0 0" + f" {full}" * names.endswith("alpha")
    if where == "vertex":
        body = SQUARE.replace("\n", f"{words}\n") + "4 0 1 2 3\n"
        (part,) = read(ply(XYZ + colours(names, kind), FACE, body)).parts
        got, rows = part.vertex_colours, 4
    else:
        (part,) = read(ply(XYZ, FACE + colours(names, kind), f"{SQUARE}4 0 1 2 3{words}\n")).parts
        got, rows = part.face_colours, 2
    assert got == pytest.approx(np.tile(HALF_RED, (rows, 1)), abs=1e-4)
    assert part.factor.tolist() == [1, 1, 1, 1]
    assert part.alpha == "opaque"


def test_colours_of_faces_show_through_vertices_of_one_colour() -> None:
    vertex = SQUARE.replace("\n", " 255 255 255\n")
    names = colours("red green blue", "uchar")
    (part,) = read(ply(XYZ + names, FACE + names, vertex + "4 0 1 2 3 128 0 0\n")).parts
    assert part.vertex_colours is None
    assert part.face_colours == pytest.approx(np.tile(HALF_RED, (2, 1)), abs=1e-4)


COLOURED = (
    XYZ + "property float s\nproperty float t\n" + colours("red green blue", "uchar"),
    SQUARE.replace("\n", " .25 .5 128 0 0\n") + "4 0 1 2 3\n",
)


@pytest.mark.parametrize("comment", ["", "comment TextureFile lost.png\n"])
def test_coordinates_without_an_image_do_not_hide_colours(comment: str) -> None:
    mesh = read(ply(COLOURED[0], FACE, COLOURED[1], comment))
    assert mesh.parts[0].vertex_colours == pytest.approx(np.tile(HALF_RED, (4, 1)), abs=1e-4)
    assert mesh.warnings == (("texture lost.png is missing",) if comment else ())


@pytest.mark.parametrize("names", ["s t", "u v", "texture_u texture_v"])
def test_a_texture_is_laid_by_the_coordinates_of_vertices(names: str) -> None:
    body = SQUARE.replace("\n", " .25 .5\n") + "4 0 1 2 3\n"
    data = ply(XYZ + colours(names, "float"), FACE, body, "comment TextureFile my wood.png\n")
    (part,) = read(data, **{"my wood.png": png((9, 8, 7))}).parts
    assert part.texture is not None
    assert part.texture.image[0, 0].tolist() == [9, 8, 7, 255]
    assert part.texture.uv.tolist() == [[0.25, 0.5]] * 4


def texture_of(part_uv: NDArray[np.float64], faces: NDArray[np.int64]) -> list[list[float]]:
    return part_uv[faces].reshape(-1, 2).tolist()


def test_a_texture_is_laid_by_the_coordinates_of_faces_with_one_image_each() -> None:
    face = FACE + "property list uchar float texcoord\nproperty int texnumber\n"
    body = SQUARE + "3 0 1 2 6 0 0 1 0 1 1 1\n3 0 2 3 6 .5 .5 .6 .6 .7 .7 0\n3 0 1 3 0 0\n"
    data = ply(XYZ, face, body, "comment TextureFile a.png\ncomment TextureFile b.png\n", faces=3)
    first, second = read(data, **{"a.png": png((1, 1, 1)), "b.png": png((2, 2, 2))}).parts
    assert first.texture is not None
    assert second.texture is not None
    assert first.texture.image[0, 0, 0] == 1
    assert second.texture.image[0, 0, 0] == 2
    assert texture_of(second.texture.uv, second.faces) == [[0, 0], [1, 0], [1, 1]]
    assert texture_of(first.texture.uv, first.faces)[:3] == pytest.approx(
        np.array([[0.5] * 2, [0.6] * 2, [0.7] * 2])
    )
    assert first.vertices[first.faces].tolist() == [
        [[0, 0, 0], [2, 1, 0], [0, 1, 0]],
        [[0, 0, 0], [2, 0, 0], [0, 1, 0]],
    ]


def test_a_missing_texture_is_grey_and_told() -> None:
    body = SQUARE.replace("\n", " .25 .5\n") + "4 0 1 2 3\n"
    mesh = read(ply(XYZ + colours("s t", "float"), FACE, body, "comment TextureFile t.png\n"))
    assert mesh.parts[0].factor[:3] == pytest.approx(to_linear(np.full(3, 0.5)), abs=0.01)
    assert mesh.warnings == ("texture t.png is missing",)


def test_a_texture_without_coordinates_is_told() -> None:
    mesh = read(ply(XYZ, FACE, SQUARE + "4 0 1 2 3\n", "comment TextureFile t.png\n"))
    assert mesh.warnings == ("texture t.png has no coordinates",)


def test_normals_are_kept_if_all_have_a_direction() -> None:
    names = colours("nx ny nz", "float")
    (part,) = read(ply(XYZ + names, FACE, SQUARE.replace("\n", " 0 0 3\n") + "4 0 1 2 3\n")).parts
    assert part.normals is not None
    assert part.normals.tolist() == [[0, 0, 1]] * 4
    (part,) = read(ply(XYZ + names, FACE, SQUARE.replace("\n", " 0 0 0\n") + "4 0 1 2 3\n")).parts
    assert part.normals is None


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_points_keep_double_precision(form: str) -> None:
    points = np.random.default_rng(0).random((50, 3)) + np.array([500_000, 5_400_000, 100])
    extra = "".join(f"property float f_{i}\n" for i in range(59))
    header = f"ply\nformat {form} 1.0\nelement vertex 50\n{XYZ.replace('float', 'double')}{extra}end_header\n"
    table = np.zeros(50, [("xyz", "<f8", 3), ("rest", "<f4", 59)])
    table["xyz"] = points
    if form == "ascii":
        body = "".join(f"{x!r} {y!r} {z!r} {'0 ' * 59}\n" for x, y, z in points.tolist()).encode()
    else:
        body = table.tobytes()
    assert (read_ply_points(header.encode() + body) == points).all()
    with pytest.raises(BadMesh, match="no faces"):
        read(header.encode() + body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"solid", "not a PLY file"),
        (MIXED[:40], "its header has no end"),
        (MIXED[:-4], "ends early"),
        (MIXED + b"7", "more numbers"),
        (MIXED.replace(b"2 1 0", b"2 one 0"), "not a number"),
        (MIXED.replace(b"vertex 4", b"vertex 1000000000"), "ends early"),
        (MIXED.replace(b"face 3", b"face 1000000000"), "ends early"),
        (MIXED.replace(b"vertex 4", b"vertex -4"), "ends early"),
        (MIXED.replace(b"3 0 1 2", b"3 0 1 4"), "none of the 4"),
        (MIXED.replace(b"3 0 1 2", b"3 0 1 -1"), "none of the 4"),
        (MIXED.replace(b"3 0 1 2", b"-3 0 1 2"), "negative length"),
        (MIXED.replace(b"float x", b"quad x"), "type quad"),
        (MIXED.replace(b"float x", b"float a"), "no x, y and z"),
        (MIXED.replace(b"vertex_indices", b"corners"), "no vertex_indices"),
        (MIXED.replace(b"ascii", b"binary_middle_endian"), "unknown format"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, message: str) -> None:
    with pytest.raises(BadMesh, match=message):
        read(data)
