"""Reading 3MF files."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh
from crossjepa.mesh.read import read_mesh

ROOT = "3D/3dmodel.model"
TRIANGLE = (
    '<vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/><vertex x="0" y="1" z="0"/></vertices>'
)
SPACES = (
    'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" '
    'xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02" '
    'xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06" '
    'xmlns:b="http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02"'
)


def model(resources: str, items: str = '<item objectid="1"/>', required: str = "") -> str:
    head = f'<model unit="inch" requiredextensions="{required}" {SPACES}>'
    return f"{head}<resources>{resources}</resources><build>{items}</build></model>"


def thing(number: int, triangle: str = "", attributes: str = "") -> str:
    face = f'<triangles><triangle v1="0" v2="1" v3="2" {triangle}/></triangles>'
    return f'<object id="{number}" {attributes}><mesh>{TRIANGLE}{face}</mesh></object>'


def group(number: int, *components: str) -> str:
    return f'<object id="{number}"><components>{"".join(components)}</components></object>'


def read(files: dict[str, str | bytes] | str, target: str = "/" + ROOT) -> Mesh:
    files = {ROOT: files} if isinstance(files, str) else files
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        kind = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
        archive.writestr("_rels/.rels", f'<R><Relationship Type="{kind}" Target="{target}"/></R>')
        for name, data in files.items():
            archive.writestr(name, data)

    def nothing(name: str) -> bytes:
        raise FileNotFoundError(name)

    return read_mesh(stream.getvalue(), ".3mf", nothing)


def colours(mesh: Mesh) -> list[list[float]]:
    part = mesh.parts[0]
    return part.vertex_colours[part.faces[0]].round(3).tolist()


def test_the_root_part_may_have_any_name():
    assert read({"3D/My Box.model": model(thing(1))}, "/3D/My%20Box.model").count == 1


def test_transforms_multiply_down_nested_components():
    inner = group(2, '<component objectid="1" transform="1 0 0 0 1 0 0 0 1 1 0 0"/>')
    outer = group(3, '<component objectid="2" transform="0 1 0 -1 0 0 0 0 1 0 0 0"/>')
    items = '<item objectid="3" transform="2 0 0 0 2 0 0 0 2 0 0 5"/>'
    corners = read(model(thing(1) + inner + outer, items)).triangles[0]
    assert corners.tolist() == [[0, 2, 5], [0, 4, 5], [-2, 2, 5]]  # moved, then turned, then doubled


def test_ids_are_those_of_their_own_model_file():
    component = '<component objectid="1" p:path="/3D/Objects/o.model"/>'
    items = '<item objectid="1"/><item objectid="1" p:path="/3D/Objects/o.model"/>'
    other = model(thing(1).replace('x="1"', 'x="7"'))
    mesh = read({ROOT: model(group(1, component) + thing(2), items), "3D/Objects/o.model": other})
    assert mesh.triangles[:, :, 0].max(axis=1).tolist() == [7, 7]


def test_base_materials_and_the_object_s_default():
    base = (
        '<basematerials id="5"><base displaycolor="#FF0000"/><base displaycolor="#0000FFFF"/></basematerials>'
    )
    assert colours(read(model(base + thing(1, attributes='pid="5" pindex="1"')))) == [[0, 0, 1, 1]] * 3
    part = read(model(base + thing(1, 'p1="0"', 'pid="5" pindex="1"'))).parts[0]
    assert (part.vertex_colours[0].tolist(), part.alpha) == ([1, 0, 0, 1], "opaque")


def test_colour_groups_run_over_a_triangle():
    group = '<m:colorgroup id="5"><m:color color="#FF0000"/><m:color color="#00FF0080"/></m:colorgroup>'
    mesh = read(model(group + thing(1, 'pid="5" p1="0" p2="1" p3="1"')))
    assert colours(mesh) == [[1, 0, 0, 1], [0, 1, 0, 0.502], [0, 1, 0, 0.502]]
    assert mesh.parts[0].alpha == "blend"


def test_what_would_be_invisible_is_opaque():
    group = '<m:colorgroup id="5"><m:color color="#FF000000"/></m:colorgroup>'
    assert read(model(group + thing(1, 'pid="5" p1="0"'))).parts[0].alpha == "opaque"


def test_composites_and_layers():
    groups = (
        '<basematerials id="5"><base displaycolor="#FF0000"/><base displaycolor="#0000FF"/></basematerials>'
        '<m:colorgroup id="6"><m:color color="#00FF00"/></m:colorgroup>'
        '<m:compositematerials id="7" matid="5" matindices="1 0"><m:composite values="3 1"/>'
        "</m:compositematerials>"
        '<m:multiproperties id="8" pids="5 6"><m:multi pindices="1 0"/></m:multiproperties>'
    )
    assert colours(read(model(groups + thing(1, 'pid="7" p1="0"'))))[0] == [0.25, 0, 0.75, 1]
    assert colours(read(model(groups + thing(1, 'pid="8" p1="0"'))))[0] == [0, 1, 0, 1]


def test_textures():
    stream = io.BytesIO()
    Image.new("RGB", (2, 2), (200, 0, 0)).save(stream, "png")
    texture = (
        '<m:texture2d id="4" path="/3D/t.png" tilestyleu="mirror" tilestylev="clamp"/>'
        '<m:texture2dgroup id="5" texid="4"><m:tex2coord u="0" v="0"/><m:tex2coord u="1" v="0.5"/>'
        "</m:texture2dgroup>"
    )
    text = model(texture + thing(1, 'pid="5" p1="0" p2="1" p3="0"'))
    part = read({ROOT: text, "3D/t.png": stream.getvalue()}).parts[0]
    assert part.texture.image[0, 0].tolist() == [200, 0, 0, 255]
    assert part.texture.uv[part.faces[0]].tolist() == [[0, 0], [1, 0.5], [0, 0]]
    assert part.texture.wrap == ("mirror", "clamp")
    assert read(text).warnings == ("texture 3D/t.png is missing",)


def test_a_missing_property_costs_the_colour_only():
    mesh = read(model(thing(1, 'pid="9" p1="0"')))
    assert mesh.count == 1
    assert mesh.warnings == ("the properties 9 of triangles are missing",)
    base = '<basematerials id="9"><base displaycolor="#FF0000"/></basematerials>'
    mesh = read(model(base + thing(1, 'pid="9" p1="1"')))
    assert mesh.warnings == ("some of the properties 9 of triangles are missing",)


BOMB = "".join(group(n, f'<component objectid="{n - 1}"/>' * 10) for n in range(2, 12))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (model(group(1, '<component objectid="1"/>')), "a component of itself"),
        (model(group(1, '<component objectid="7"/>')), "object 7 is missing"),
        (model(thing(1).replace('v3="2"', 'v3="3"')), "not there"),
        (model(thing(1), required="m b"), "beamlattice.* is not supported"),
        (model(thing(1) + BOMB, '<item objectid="11"/>'), "10000000000 triangles"),
        ("<!DOCTYPE m [<!ENTITY a 'b'>]>" + model(thing(1)), "entities"),
        (model(thing(1))[:-9], "not well-formed"),
        (model(thing(1)) + " " * 5_000_000, "would unpack"),
        (model(""), "object 1 is missing"),
    ],
)
def test_damage_is_told(text, reason):
    with pytest.raises(BadMesh, match=reason):
        read(text)


def test_not_an_archive():
    with pytest.raises(BadMesh, match="not a zip archive"):
        read_mesh(b"solid", ".3mf", bytes.fromhex)


def test_components_without_triangles_take_no_time():
    empty = '<object id="1"><mesh><vertices/><triangles/></mesh></object>' + BOMB
    mesh = read(model(empty + thing(90), '<item objectid="11"/><item objectid="90"/>'))
    assert mesh.count == 1
    assert np.isfinite(mesh.triangles).all()
