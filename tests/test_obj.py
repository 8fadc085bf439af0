"""Reading Wavefront OBJ files and their libraries of materials."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh, to_linear
from crossjepa.mesh.read import read_mesh

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
PLACED = SQUARE + "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"


def read(text: str | bytes, **files: str | bytes) -> Mesh:
    """A mesh from an OBJ text, and the texts of files beside it: `m` is m.mtl, `t` is t.png."""
    data = {"m": "m.mtl", "t": "t.png"}
    found = {data.get(name, name): text for name, text in files.items()}

    def load(name: str) -> bytes:
        if name not in found:
            raise FileNotFoundError(name)
        return found[name].encode() if isinstance(found[name], str) else found[name]  # type: ignore

    return read_mesh(text.encode() if isinstance(text, str) else text, ".obj", load)


def area(mesh: Mesh) -> float:
    sides = mesh.triangles[:, 1:] - mesh.triangles[:, :1]
    return float(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum() / 2)


def png(*colour: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (2, 2), colour).save(stream, "png")
    return stream.getvalue()


def factor(mtl: str) -> list[int]:
    """The sRGB bytes of a material that is the whole text of a library."""
    mesh = read("mtllib m.mtl\nusemtl a\n" + SQUARE + "f 1 2 3", m=f"newmtl a\n{mtl}")
    return [round(float(x)) for x in srgb(mesh.parts[0].factor)[:3] * 255]


def srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    "text",
    [
        SQUARE + "f 1 2 3 4",
        SQUARE.replace("\n", "\r\n") + "f 1 2 3 4\r\n",
        (SQUARE + "f 1 2 3 4").replace("\n", "\r"),
        SQUARE + "f 1 2 \\\n3 4\n",
        "# C:\\models\\\n" + SQUARE + "\tf  1\t2 3 4 # face",
        SQUARE + "f -4 -3 -2 -1\nv 9 9 9",
        SQUARE + "l 1 2 3\np 1\nf 1 2 3 4\nl 3 4",
        SQUARE + "vn 0 0 1\nf 1//1 2//1 3//1\nf 1 3 4",
    ],
)
def test_ways_to_write_a_square(text):
    mesh = read(text)
    assert mesh.count == 2
    assert area(mesh) == pytest.approx(1)


def test_utf16():
    assert area(read((SQUARE + "f 1 2 3 4").encode("utf-16"))) == pytest.approx(1)


def test_relative_references_count_from_their_own_line():
    mesh = read("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 5\nv 1 0 5\nv 0 1 5\nf -3 -2 -1\n")
    assert sorted(mesh.triangles[:, 0, 2]) == [0, 5]


def test_a_concave_polygon_covers_itself_only():
    corners = "v 0 0 0\nv 2 0 0\nv 2 1 0\nv 1 1 0\nv 1 2 0\nv 0 2 0\n"
    assert area(read(corners + "f 2 3 4 5 6 1")) == pytest.approx(3)


def test_corners_keep_their_texture_coordinates_and_normals():
    text = PLACED + "vn 0 0 1\nvn 0 0 2\nmtllib m.mtl\nusemtl a\nf 1/1/1 2/2/1 3/3/1\nf 1/4/2 3/3/2 4/4/2\n"
    part = read(text, m="newmtl a\nmap_Kd t.png", t=png(9, 9, 9, 255)).parts[0]
    assert part.texture.uv[part.faces[1]].tolist() == [[0, 1], [1, 1], [0, 1]]
    assert part.normals[part.faces][:, :, 2].tolist() == [[1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("f 1 2 5", "vertex 5 of 4"),
        ("f 0 1 2", "vertex 0 of 4"),
        ("f 1 2 -5", "vertex -5 of 4"),
        ("f 1 2 x", "whole numbers"),
        ("f 1/1/1/1 2 3", "more than three"),
        ("v nan 0 0\nf 1 2 5", "no finite"),
        ("v 1,5 0 0\nf 1 2 3", "commas"),
        ("surf 0 1 0 1 1 2 3 4\nf 1 2 3", "free-form"),
        ("", "no faces"),
    ],
)
def test_damage_is_told(text, reason):
    with pytest.raises(BadMesh, match=reason):
        read(SQUARE + text)


def test_parts_are_materials_wherever_they_are_used():
    text = "mtllib m.mtl\n" + SQUARE + "usemtl a\nf 1 2 3\nusemtl b\nf 1 3 4\ng x\nusemtl a\nf 2 3 4\n"
    mesh = read(text, m="newmtl a\nKd 1 0 0\nnewmtl b\nKd 0 0 1")
    assert [len(part.faces) for part in mesh.parts] == [1, 2]
    assert mesh.parts[0].factor.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("mtl", "colour"),
    [
        ("Kd 0.5 0.5 0.5", [128, 128, 128]),
        ("Kd 0.5", [128, 128, 128]),
        ("Ka 1 0 0", [102, 102, 102]),
        ("Kd spectral file.rfl", [102, 102, 102]),
        ("kd 1 0 0\nmap_Kd gone.png", [255, 0, 0]),
    ],
)
def test_diffuse_colours_are_srgb(mtl, colour):
    assert factor(mtl) == colour


@pytest.mark.parametrize(
    ("mtl", "colour"),
    [
        ("Kd 1 0 0 # red\n", [255, 0, 0]),
        ("Kd 1 \\\n0 0\n", [255, 0, 0]),
        ("Kd nan nan nan\n", [102, 102, 102]),
        ("Kd 1 1 1\nmap_Kd gone.png\n", [102, 102, 102]),
        ("Kd 0 0 0\nmap_Kd gone.png\n", [102, 102, 102]),
    ],
)
def test_comments_joined_lines_and_what_is_no_colour(mtl, colour):
    text = "mtllib m.mtl # library\nusemtl Material #25 # first\n" + PLACED + "f 1/1 2/2 3/3"
    part = read(text, m=f"newmtl Material #25 # a name\n{mtl}").parts[0]
    assert np.round(255 * srgb(part.factor[:3])).tolist() == colour


def test_warnings_are_counted_where_they_are_many():
    text = "".join(f"mtllib {n}.mtl\n" for n in range(50)) + SQUARE + "f 1 2 3"
    assert read(text).warnings[19:] == ("library of materials 19.mtl is missing", "and 30 more")


def test_a_material_that_no_library_has_is_told_unless_there_are_colours():
    text = "mtllib m.mtl\nusemtl b\n" + SQUARE + "f 1 2 3"
    told = ("no library has the material b",)
    assert read(text, m="newmtl a\nKd 1 0 0").warnings == told
    coloured = text.replace("v 0 0 0", "v 0 0 0 1 0 0")
    assert read(coloured, m="newmtl a\nKd 1 0 0").warnings == ()


@pytest.mark.parametrize(
    ("mtl", "opacity", "alpha"),
    [
        ("d 0.25 # see-through", 0.25, "blend"),
        ("d -3", 0, "opaque"),
        ("", 1, "opaque"),
        ("d 0.25", 0.25, "blend"),
        ("d -halo 0.25", 0.25, "blend"),
        ("Tr 0.25", 0.75, "blend"),
        ("Tr 1\nd 1", 1, "opaque"),
        ("d 0", 0, "opaque"),
        ("Tr 1", 0, "opaque"),
    ],
)
def test_opacity(mtl, opacity, alpha):
    part = read("mtllib m.mtl\nusemtl a\n" + SQUARE + "f 1 2 3", m=f"newmtl a\n{mtl}").parts[0]
    assert (part.factor[3], part.alpha) == (opacity, alpha)


@pytest.mark.parametrize("name", ["t.png", "my  tex.png", "-1.png"])
def test_an_image_replaces_the_colour(name):
    options = "-s 2 3 1 -o .5 -mm 0 1 -bm 1 -clamp on" if name != "-1.png" else "-bm 1 -clamp off"
    mtl = f"newmtl a\nKd 0 0 0\nmap_Kd {options} ./{name}"
    text = "mtllib m.mtl\nusemtl a\n" + PLACED + "f 1/1 2/2 3/3"
    part = read(text, **{"m": mtl, f"./{name}": png(200, 0, 0, 255)}).parts[0]
    assert part.texture.image[0, 0].tolist() == [200, 0, 0, 255]
    assert part.factor.tolist() == [1, 1, 1, 1]
    scaled = name != "-1.png"
    assert part.texture.uv[2].tolist() == ([2.5, 3] if scaled else [1, 1])
    assert part.texture.wrap == (("clamp", "clamp") if scaled else ("repeat", "repeat"))


def test_images_are_named_from_their_library():
    text = "mtllib sub/m.mtl\nusemtl a\n" + PLACED + "f 1/1 2/2 3/3"
    files = {"sub/m.mtl": "newmtl a\nmap_Kd t.png", "sub/t.png": png(200, 0, 0, 255)}
    assert read(text, **files).parts[0].texture is not None


def test_libraries_may_hold_blanks_or_be_several_or_missing():
    text = "mtllib my file.mtl\nmtllib m.mtl gone.mtl\n" + SQUARE + "usemtl a  b\nf 1 2 3\nusemtl c\nf 1 3 4"
    mesh = read(text, m="newmtl c\nKd 0 0 1", **{"my file.mtl": "newmtl a b\nKd 1 0 0"})
    assert [part.factor.tolist()[:3] for part in mesh.parts] == [[0, 0, 1], [1, 0, 0]]
    assert mesh.warnings == ("library of materials gone.mtl is missing",)


@pytest.mark.parametrize(
    ("scale", "mtl", "colour"),
    [
        (1, None, [1, 0, 0]),
        (255, None, [1, 0, 0]),
        (1, "Kd .8 .8 .8", [1, 0, 0]),
        (1, "Kd 1 1 0", [1, 0, 0]),
        (1, "Kd 0 1 0", [0, 0, 0]),
    ],
)
def test_vertex_colours(scale, mtl, colour):
    text = "".join(f"{line} {scale} 0 0\n" for line in SQUARE.splitlines())
    part = read(
        "mtllib m.mtl\nusemtl a\n" + text + "f 1 2 3", **({} if mtl is None else {"m": f"newmtl a\n{mtl}"})
    ).parts[0]
    assert (part.factor * part.vertex_colours)[0].tolist() == [*colour, 1]


def test_vertices_without_a_colour_beside_others_are_grey():
    part = read("v 0 0 0 1 0 0\nv 1 0 0\nv 0 1 0 0 1 0\nf 1 2 3").parts[0]
    assert part.vertex_colours[1] == pytest.approx(to_linear(np.array([0.4, 0.4, 0.4, 1])))


def test_many_materials_and_one_huge_face_take_seconds():
    start = time.process_time()
    many = read(SQUARE + "".join(f"g {n}\nusemtl m{n}\nf 1 2 3\n" for n in range(2_000)))
    assert len(many.parts) == 2_000
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    ring = "".join(f"v {np.cos(a):.9f} {np.sin(a):.9f} 0\n" for a in angles)
    disc = read(ring + "f " + " ".join(map(str, range(1, len(angles) + 1))))
    assert area(disc) == pytest.approx(np.pi, rel=1e-3)
    assert time.process_time() - start < 10
