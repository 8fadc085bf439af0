"""Reading COLLADA files."""

import io

import numpy as np
import pytest
from PIL import Image

from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh
from crossjepa.mesh.read import read_mesh

POINTS = "0 0 0  1 0 0  1 1 0  0 1 0"
TRIANGLES = (
    '<triangles material="s" count="2"><input semantic="VERTEX" source="#v" offset="0"/>'
    "<p>0 1 2 0 2 3</p></triangles>"
)
DRAWN = '<node><instance_geometry url="#g"/></node>'


def source(name: str, numbers: str, width: int = 3) -> str:
    count = len(numbers.split()) // width
    params = "".join(f'<param name="{letter}"/>' for letter in "XYZW"[:width])
    accessor = f'<accessor source="#{name}-a" count="{count}" stride="{width}">{params}</accessor>'
    array = f'<float_array id="{name}-a">{numbers}</float_array>'
    return f'<source id="{name}">{array}<technique_common>{accessor}</technique_common></source>'


def document(primitives: str = TRIANGLES, nodes: str = DRAWN, more: str = "", up: str = "") -> str:
    mesh = (
        source("p", POINTS)
        + source("uv", "0 0  1 0  1 1  0 1", 2)
        + source("c", "1 0 0  0 1 0  0 0 1  1 1 1")
        + '<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>'
        + primitives
    )
    return (
        '<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">'
        f"<asset>{up}</asset>{more}"
        f'<library_geometries><geometry id="g"><mesh>{mesh}</mesh></geometry></library_geometries>'
        f'<library_visual_scenes><visual_scene id="V">{nodes}</visual_scene></library_visual_scenes>'
        '<scene><instance_visual_scene url="#V"/></scene></COLLADA>'
    )


def read(text: str, **files: bytes) -> Mesh:
    def load(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return read_mesh(text.encode(), ".dae", load)


def area(mesh: Mesh) -> float:
    sides = mesh.triangles[:, 1:] - mesh.triangles[:, :1]
    return float(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum() / 2)


def primitive(kind: str, indices: str, inputs: str = "") -> str:
    return f'<{kind} material="s"><input semantic="VERTEX" source="#v" offset="0"/>{inputs}{indices}</{kind}>'


@pytest.mark.parametrize(
    ("primitives", "wanted"),
    [
        (TRIANGLES, 1),
        (primitive("polylist", "<vcount>4</vcount><p>0 1 2 3</p>"), 1),
        (primitive("polygons", "<p>0 1 2 3</p>"), 1),
        (primitive("trifans", "<p>0 1 2 3</p>"), 1),
        (primitive("tristrips", "<p>0 1 3 2</p>"), 1),
        (primitive("lines", "<p>0 1</p>") + primitive("polygons", "<p>0 1 2</p><p>0 2 3</p>"), 1),
        (primitive("linestrips", "<p>0 1</p>") + primitive("triangles", "<p>0 1 2</p>"), 0.5),
    ],
)
def test_primitives(primitives, wanted):
    mesh = read(document(primitives))
    assert area(mesh) == pytest.approx(wanted)
    sides = mesh.triangles[:, 1:] - mesh.triangles[:, :1]
    assert (np.cross(sides[:, 0], sides[:, 1])[:, 2] > 0).all()


def test_holes():
    more = "0 0 0  4 0 0  4 4 0  0 4 0  1 1 0  3 1 0  3 3 0  1 3 0"
    text = document(primitive("polygons", "<ph><p>0 1 2 3</p><h>4 5 6 7</h></ph>"))
    old, new = source("p", POINTS), source("p", more)
    assert area(read(text.replace(old, new))) == pytest.approx(12)


@pytest.mark.parametrize(("word", "axis"), [("Z_UP", "z"), ("X_UP", "x"), ("Y_UP", "y"), (None, "y")])
def test_the_axis_that_points_up(word, axis):
    assert read(document(up=f"<up_axis>{word}</up_axis>" if word else "")).up == axis


@pytest.mark.parametrize(
    ("transforms", "corner"),
    [
        ("<translate>1 2 3</translate><scale>2 2 2</scale>", [3, 2, 3]),
        ("<rotate>0 0 1 90</rotate><translate>1 0 0</translate>", [0, 2, 0]),
        ("<matrix>0 -1 0 5  1 0 0 0  0 0 1 0  0 0 0 1</matrix>", [5, 1, 0]),
        ("<lookat>1 2 3  1 2 2  0 1 0</lookat>", [2, 2, 3]),
    ],
)
def test_transforms_of_nodes(transforms, corner):
    mesh = read(document(nodes=f'<node>{transforms}<node><instance_geometry url="#g"/></node></node>'))
    assert mesh.triangles[0, 1].tolist() == pytest.approx(corner)


def test_instances_of_nodes_are_drawn_and_may_not_hold_themselves():
    library = f'<library_nodes><node id="n">{DRAWN}</node></library_nodes>'
    twice = '<node><instance_node url="#n"/></node><node><instance_node url="#n"/></node>'
    assert len(read(document(nodes=twice, more=library)).parts) == 2
    with pytest.raises(BadMesh, match="inside itself"):
        read(document(nodes=twice, more=library.replace(DRAWN, '<instance_node url="#n"/>')))


def skin(joint: str) -> str:
    names = '<source id="j"><Name_array id="j-a">bone</Name_array><technique_common>' + (
        '<accessor source="#j-a" count="1"><param name="JOINT"/></accessor></technique_common></source>'
    )
    identity = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
    inverse = source("i", identity, 16).replace("</accessor>", '<param name="T" type="float4x4"/></accessor>')
    for letter in "XYZW":
        inverse = inverse.replace(f'<param name="{letter}"/>', "")
    weights = (
        '<joints><input semantic="JOINT" source="#j"/>'
        '<input semantic="INV_BIND_MATRIX" source="#i"/></joints>'
        '<vertex_weights count="4"><input semantic="JOINT" source="#j" offset="0"/>'
        '<input semantic="WEIGHT" source="#w" offset="1"/><vcount>1 1 1 1</vcount>'
        "<v>0 0 0 0 0 0 0 0</v></vertex_weights>"
    )
    body = f'<skin source="#g">{names}{inverse}{source("w", "1", 1)}{weights}</skin>'
    return document(
        nodes=f'<node sid="{joint}"><translate>0 0 7</translate></node><node><translate>0 5 0</translate>'
        '<instance_controller url="#k"/></node>',
        more=f'<library_controllers><controller id="k">{body}</controller></library_controllers>',
    )


def test_skins_follow_their_joints_or_else_their_node():
    assert read(skin("bone")).triangles[0, 0].tolist() == [0, 0, 7]
    assert read(skin("other")).triangles[0, 0].tolist() == [0, 5, 0]


def morph(weight: float, method: str) -> str:
    """A document of a square whose target is twice as wide; both are 1 high."""
    accessor = '<technique_common><accessor source="#t-a" count="1"/></technique_common>'
    controller = (
        f'<library_controllers><controller id="k"><morph source="#g" method="{method}">'
        f'<source id="t"><IDREF_array id="t-a">wide</IDREF_array>{accessor}</source>'
        + source("w", str(weight), 1)
        + '<targets><input semantic="MORPH_TARGET" source="#t"/><input semantic="MORPH_WEIGHT" source="#w"/>'
        "</targets></morph></controller></library_controllers>"
    )
    wide = source("q", "0 0 0  2 0 0  2 1 0  0 1 0")
    wide += '<vertices id="u"><input semantic="POSITION" source="#q"/></vertices>'
    geometry = f'<library_geometries><geometry id="wide"><mesh>{wide}</mesh></geometry></library_geometries>'
    return document(nodes='<node><instance_controller url="#k"/></node>', more=controller + geometry)


@pytest.mark.parametrize(
    ("weight", "method", "wanted"),
    [(0, "NORMALIZED", 1), (1, "NORMALIZED", 2), (0.5, "NORMALIZED", 1.5), (0.5, "RELATIVE", 2 * 1.5)],
)
def test_morphs_are_drawn_by_their_weights(weight, method, wanted):
    assert area(read(morph(weight, method))) == pytest.approx(wanted)


def test_a_morph_without_its_target_is_told():
    with pytest.raises(BadMesh, match="morph target"):
        read(morph(1, "NORMALIZED").replace('id="wide"', 'id="lost"'))


def painted(shading: str, primitives: str = TRIANGLES, params: str = "", more: str = "") -> str:
    bind = (
        '<node><instance_geometry url="#g"><bind_material><technique_common><instance_material symbol="s" '
        'target="#m"/></technique_common></bind_material></instance_geometry></node>'
    )
    effect = (
        f'<library_effects><effect id="e"><profile_COMMON>{params}<technique><lambert>{shading}</lambert>'
        "</technique></profile_COMMON></effect></library_effects>"
    )
    material = (
        '<library_materials><material id="m"><instance_effect url="#e"/></material></library_materials>'
    )
    return document(primitives, bind, more + effect + material)


RED = "<diffuse><color>1 0 0 0</color></diffuse>"


@pytest.mark.parametrize(
    ("said", "opacity", "alpha"),
    [
        ("", 1, "opaque"),
        ("<transparency><float>0</float></transparency>", 1, "opaque"),
        ('<transparent opaque="A_ONE"><color>0 0 0 1</color></transparent>', 1, "opaque"),
        (
            "<transparent><color>1 1 1 1</color></transparent><transparency><float>.5</float></transparency>",
            0.5,
            "blend",
        ),
        ('<transparent opaque="RGB_ZERO"><color>0 0 0 1</color></transparent>', 1, "opaque"),
        ('<transparent opaque="RGB_ZERO"><color>.75 .75 .75 1</color></transparent>', 0.25, "blend"),
        ('<transparent opaque="A_ZERO"><color>0 0 0 .75</color></transparent>', 0.25, "blend"),
        ('<transparent opaque="RGB_ONE"><color>.75 .75 .75 1</color></transparent>', 0.75, "blend"),
        ('<transparent opaque="A_ONE"><color>1 1 1 0</color></transparent>', 0, "opaque"),
    ],
)
def test_opacity(said, opacity, alpha):
    part = read(painted(RED + said)).parts[0]
    assert part.factor.tolist() == pytest.approx([1, 0, 0, opacity], abs=1e-5)
    assert part.alpha == alpha


@pytest.mark.parametrize("name", ["t%20a.png", "./t a.png", "file:///C:/my/t%20a.png"])
def test_textures(name):
    params = (
        '<newparam sid="f"><surface type="2D"><init_from>i</init_from></surface></newparam>'
        '<newparam sid="x"><sampler2D><source>f</source><wrap_s>MIRROR</wrap_s></sampler2D></newparam>'
    )
    inputs = '<input semantic="TEXCOORD" source="#uv" offset="1" set="0"/>'
    stream = io.BytesIO()
    Image.new("RGBA", (2, 2), (200, 0, 0, 7)).save(stream, "png")
    text = painted(
        '<diffuse><texture texture="x" texcoord="UV"/></diffuse>',
        primitive("triangles", "<p>0 1 1 2 2 3</p>", inputs),
        params,
        f'<library_images><image id="i"><init_from>{name}</init_from></image></library_images>',
    )
    files = {key: stream.getvalue() for key in ("t a.png", "./t a.png", "C:/my/t a.png")}
    part = read(text, **files).parts[0]
    assert part.texture.image[0, 0].tolist() == [200, 0, 0, 255]  # without <transparent> alpha means nothing
    assert part.texture.uv[part.faces[0]].tolist() == [[1, 0], [1, 1], [0, 1]]
    assert part.texture.wrap == ("mirror", "repeat")
    assert read(text).parts[0].factor.tolist() == [0.216, 0.216, 0.216, 1]


def test_vertex_colours_multiply_a_material_and_stand_alone_without():
    inputs = '<input semantic="COLOR" source="#c" offset="0"/>'
    coloured = primitive("triangles", "<p>0 1 2</p>", inputs)
    for text, factor in ((document(coloured), [1, 1, 1, 1]), (painted(RED, coloured), [1, 0, 0, 1])):
        part = read(text).parts[0]
        assert part.vertex_colours.tolist() == [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]
        assert part.factor.tolist() == factor


@pytest.mark.parametrize("shading", ["", "<diffuse/>", '<diffuse><texture texture="lost.png"/></diffuse>'])
def test_vertex_colours_stand_alone_where_the_material_has_no_colour(shading):
    coloured = primitive("triangles", "<p>0 1 2</p>", '<input semantic="COLOR" source="#c" offset="0"/>')
    assert read(painted(shading, coloured)).parts[0].factor.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("diffuse", "emission", "wanted"), [("0 0 0 1", "1 0 0 1", [1, 0, 0]), ("0 1 0 1", "1 0 0 1", [0, 1, 0])]
)
def test_an_emission_shows_where_the_diffuse_colour_is_black(diffuse, emission, wanted):
    shading = f"<emission><color>{emission}</color></emission><diffuse><color>{diffuse}</color></diffuse>"
    assert read(painted(shading)).parts[0].factor[:3].tolist() == wanted


def test_a_missing_material_costs_the_colour_only():
    mesh = read(painted(RED).replace('target="#m"', 'target="#lost"'))
    assert (mesh.count, mesh.warnings) == (2, ("material lost is missing",))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("0 1 2 0 2 3", "0 1 2 0 2 4", "not there"),
        ('count="4" stride="3"', 'count="900000000" stride="3"', "900000000 x 3"),
        ('url="#g"', 'url="#lost"', "geometry lost is missing"),
        ('url="#V"', 'url="#W"', "no visual scene"),
        ("1 1 0", "1,5 1 0", "commas"),
        ("</COLLADA>", "", "not well-formed"),
        ("<node>", "<node><skew>1 1 0 0 0 1 0</skew>", "skew"),
    ],
)
def test_damage_is_told(old, new, reason):
    with pytest.raises(BadMesh, match=reason):
        read(document().replace(old, new))
