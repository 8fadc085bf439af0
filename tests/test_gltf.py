"""The shapes of glTF 2.0 and GLB, as the specification says: https://registry.khronos.org/glTF/specs/2.0."""

import struct
import time
from typing import Any

import DracoPy
import meshopt
import numpy as np
import pytest
from gltf_documents import SQUARE, TWO, Document, area, extents, read

from crossjepa.errors import BadMesh

# The container


def test_a_file_is_the_same_as_glb_with_an_embedded_buffer_and_with_one_beside_it():
    document = Document().mesh()
    beside = read(b"\xef\xbb\xbf" + document.gltf("my%20data.bin"), files={"my data.bin": document.blob})
    for mesh in (document.read(), read(document.gltf()), beside):
        assert mesh.up == "y"
        assert area(mesh) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"asset": {"version": "1.0"}}', "glTF version 1.0 is not supported"),
        (b"glTF" + struct.pack("<4I", 1, 20, 0, 0), "GLB version 1 is not supported"),
        (b"glTF" + struct.pack("<4I", 2, 20, 900, 0x4E4F534A), "cut short"),
        (b"{", "JSON cannot be read"),
        (b'{"extensionsRequired": ["A_b"]}', "requires the extension A_b, which is not supported"),
    ],
)
def test_what_is_not_supported_is_named(data: bytes, words: str):
    with pytest.raises(BadMesh, match=words):
        read(data, "glb")


# Accessors


def test_integers_are_normalised_by_the_type_of_their_accessor():
    document = Document()
    values = (SQUARE * 32767).astype(np.int16)
    padded = np.concatenate([values, np.zeros((4, 1), np.int16)], axis=1)
    view = document.view(padded.tobytes(), byteStride=8)
    normalised = document.claim(values, bufferView=view, normalized=True)
    assert extents(document.mesh(document.primitive({"POSITION": normalised})).read()) == [1, 1, 0]
    document.root["accessors"][0]["normalized"] = False
    document.root["nodes"][0]["scale"] = [2 / 32767] * 3
    assert extents(document.read()) == [2, 2, 0]


@pytest.mark.parametrize("with_view", [True, False])
def test_sparse_values_replace_those_below_or_zeros(with_view: bool):
    document = Document()
    rows, new = np.array([1, 3], np.uint8), np.float32([[5, 0, 0], [5, 1, 0]])
    sparse = {
        "count": 2,
        "indices": {"bufferView": document.view(rows.tobytes()), "componentType": 5121},
        "values": {"bufferView": document.view(new.tobytes())},
    }
    make = document.accessor if with_view else document.claim
    mesh = document.mesh(document.primitive({"POSITION": make(SQUARE, sparse=sparse)})).read()
    assert extents(mesh) == [5, 1, 0]
    assert area(mesh) == (5 if with_view else 2.5)


def test_claims_beyond_the_bytes_fail_at_once():
    huge = 2_000_000_000
    for change in (
        {"accessors": {"count": huge}},
        {"accessors": {"count": huge, "bufferView": None}},
        {"accessors": {"byteOffset": huge}},
        {"accessors": {"count": -1}},
        {"accessors": {"bufferView": -1}},
        {"bufferViews": {"byteLength": huge}},
        {"bufferViews": {"byteStride": huge}},
        {"bufferViews": {"byteStride": 4}},
    ):
        document = Document().mesh()
        for kind, values in change.items():
            item = document.root[kind][0]
            item.update(values)
            if item.get("bufferView", 0) is None:
                del item["bufferView"]
        start = time.perf_counter()
        with pytest.raises(BadMesh):
            document.read()
        assert time.perf_counter() - start < 0.2


# Draco and meshoptimizer


def draco(damage: bytes = b"", **accessor: Any) -> Document:
    """The square, compressed by Draco."""
    document = Document(extensionsRequired=["KHR_draco_mesh_compression"])
    colours = {7: np.tile(np.uint8([255, 0, 0, 255]), (4, 1))}
    data = DracoPy.encode(SQUARE, TWO.reshape(-1, 3), generic_attributes=colours)
    names = {a["attribute_type"]: a["unique_id"] for a in DracoPy.decode(data).attributes}
    packed = {"bufferView": document.view(damage or data), "attributes": {"POSITION": names[0], "COLOR_0": 7}}
    colour = document.claim(colours[7], normalized=True)
    attributes = {"POSITION": document.claim(SQUARE, **accessor), "COLOR_0": colour}
    extensions = {"KHR_draco_mesh_compression": packed}
    return document.mesh({"attributes": attributes, "indices": document.claim(TWO), "extensions": extensions})


def test_draco_data_are_decoded():
    mesh = draco().read()
    assert area(mesh) == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(mesh.parts[0].vertex_colours, np.tile([1, 0, 0, 1], (4, 1)))


def test_damaged_draco_data_set_the_mesh_aside_unless_there_are_others():
    with pytest.raises(BadMesh, match="Draco data cannot be decoded"):
        draco(b"DRACO" + bytes(30)).read()
    document = draco(b"DRACO" + bytes(30))
    accessors = document.root["accessors"]
    for index, values in enumerate([np.tile(np.uint8([0, 255, 0, 255]), (4, 1)), SQUARE, TWO]):
        accessors[index]["bufferView"] = document.view(values.tobytes())
    assert area(document.read()) == 1


def packed_view(document: Document, data: bytes, count: int, stride: int, **packed: Any) -> int:
    extension = {"buffer": 0, "byteOffset": len(document.blob), "byteLength": len(data), "count": count}
    extension |= {"byteStride": stride, **packed}
    document.blob += data
    extensions = {"EXT_meshopt_compression": extension}
    rows = {"byteStride": stride} if packed["mode"] == "ATTRIBUTES" else {}
    return document.add("bufferViews", buffer=1, byteLength=count * stride, extensions=extensions, **rows)


@pytest.mark.parametrize(("mode", "primitive"), [("TRIANGLES", 4), ("INDICES", 5)])
@pytest.mark.parametrize("name", ["EXT_meshopt_compression", "KHR_meshopt_compression"])
def test_meshopt_data_are_decoded_with_their_filters(mode: Any, primitive: int, name: str):
    document = Document(extensionsRequired=[name])
    packed = meshopt.encode_vertex_buffer(meshopt.encode_filter_exp(SQUARE, 15))
    positions = packed_view(document, packed, 4, 12, mode="ATTRIBUTES", filter="EXPONENTIAL")
    order = TWO if primitive == 4 else np.arange(4, dtype=np.uint16)
    indices = packed_view(document, meshopt.encode_gltf_buffer(order, mode), len(order), 2, mode=mode)
    for view in document.root["bufferViews"]:
        view["extensions"] = {name: view["extensions"]["EXT_meshopt_compression"]}
    document.mesh(
        {
            "attributes": {"POSITION": document.claim(SQUARE, bufferView=positions)},
            "indices": document.claim(order, bufferView=indices),
            "mode": primitive,
        }
    )
    fallback = {"byteLength": 1000, "extensions": {name: {"fallback": True}}}
    document.root["buffers"] = [{"byteLength": len(document.blob)}, fallback]
    mesh = document.read()
    assert area(mesh) == pytest.approx(1, abs=1e-3)
    assert extents(mesh) == [1, 1, 0]


@pytest.mark.parametrize(("count", "words"), [(4, "cannot be decoded"), (10**9, "cannot hold")])
def test_damaged_meshopt_data_set_the_mesh_aside(count: int, words: str):
    document = Document()
    view = packed_view(document, bytes(40), count, 12, mode="ATTRIBUTES")
    document.mesh(document.primitive({"POSITION": document.claim(SQUARE, bufferView=view)}))
    document.root["buffers"] = [{"byteLength": 40}, {"byteLength": 48}]
    with pytest.raises(BadMesh, match=words):
        document.read()


# Primitives


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(("mode", "order"), [(4, [0, 1, 2, 2, 1, 3]), (5, [0, 1, 2, 3]), (6, [0, 1, 3, 2])])
def test_lists_strips_and_fans_face_one_side(mode: int, order: list[int], indexed: bool):
    document = Document()
    if indexed:
        primitive = document.primitive(mode=mode, indices=document.accessor(np.array(order, np.uint8)))
    else:
        primitive = document.primitive({"POSITION": document.accessor(SQUARE[order])}, mode=mode)
    a, b, c = document.mesh(primitive).read().triangles.transpose(1, 0, 2)
    np.testing.assert_allclose(np.cross(b - a, c - a), [[0, 0, 1], [0, 0, 1]])


def test_points_and_lines_are_passed_over_and_vertices_without_a_face_dropped():
    document = Document()
    far = document.accessor(np.concatenate([SQUARE, np.float32([[50, 0, 0], [np.nan, 0, 0]])]))
    lines = [document.primitive({"POSITION": far}, mode=mode) for mode in range(4)]
    indices = document.accessor(np.arange(4, dtype=np.uint32))
    mesh = document.mesh(*lines, document.primitive({"POSITION": far}, indices=indices)).read()
    assert [len(part.vertices) for part in mesh.parts] == [4]
    assert extents(mesh) == [1, 1, 0]


def test_an_index_out_of_range_sets_the_mesh_aside():
    document = Document()
    indices = document.accessor(np.array([0, 1, 9], np.uint8))
    with pytest.raises(BadMesh, match="index 9 is out of range: a primitive has 4 vertices"):
        document.mesh(document.primitive(mode=4, indices=indices)).read()


def test_attributes_of_another_number_and_vertices_that_are_not_finite_set_the_mesh_aside():
    document = Document()
    colours = document.accessor(np.ones((3, 3), np.float32))
    with pytest.raises(BadMesh, match="for 4 vertices"):
        document.mesh(document.primitive({"COLOR_0": colours})).read()
    document = Document()
    with pytest.raises(BadMesh, match="not finite"):
        document.mesh(
            document.primitive({"POSITION": document.accessor(np.full_like(SQUARE, np.inf))})
        ).read()


def test_morph_targets_have_the_weights_of_the_node_or_else_the_mesh():
    document = Document()
    target = {"POSITION": document.accessor(SQUARE * np.float32(2))}
    document.mesh(document.primitive(targets=[target]))
    assert extents(document.read()) == [1, 1, 0]
    document.root["meshes"][0]["weights"] = [0.5]
    assert extents(document.read()) == [2, 2, 0]
    document.root["nodes"][0]["weights"] = [1]
    assert extents(document.read()) == [3, 3, 0]


# Nodes


def test_a_skin_shows_the_pose_of_its_joints_not_of_its_node():
    document = Document()
    joints, ones = np.uint8([[0, 0, 0, 0], [0] * 4, [1, 0, 0, 0], [1, 0, 0, 0]]), np.eye(4, dtype=np.float32)
    weights = np.tile(np.float32([1, 0, 0, 0]), (4, 1))
    half = {n: document.accessor(weights / 2) for n in ("WEIGHTS_0", "WEIGHTS_1")}
    bones = {n: document.accessor(joints) for n in ("JOINTS_0", "JOINTS_1")}
    document.mesh(document.primitive(bones | half), skin=0, translation=[100, 0, 0], scale=[9, 9, 9])
    document.root["nodes"] += [{"translation": [0, 1, 0], "children": [2]}, {"translation": [0, 2, 0]}]
    inverse = np.stack([ones, ones])
    inverse[1, 3, 1] = -1  # the second joint was bound at y = 1
    matrices = document.accessor(inverse.reshape(2, 16))
    document.add("skins", joints=[1, 2], inverseBindMatrices=matrices)
    points = document.read().parts[0].vertices
    np.testing.assert_allclose(points, [[0, 1, 0], [1, 1, 0], [0, 3, 0], [1, 3, 0]])


def test_nodes_are_under_their_parents_with_a_matrix_or_parts_of_one():
    document = Document(scenes=[{"nodes": []}, {"nodes": [1]}], scene=1)
    turn = [0, 0, np.sqrt(0.5), np.sqrt(0.5)]  # 90 degrees about z
    document.mesh(translation=[1, 0, 0], rotation=turn, scale=[1, 2, 1])
    document.add("nodes", children=[0], matrix=[-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 7, 1])
    points = document.read().parts[0].vertices
    np.testing.assert_allclose(points, [[-1, 0, 7], [-1, 1, 7], [1, 0, 7], [1, 1, 7]], atol=1e-9)


def test_all_root_nodes_are_shown_without_scenes_and_a_child_may_have_two_parents():
    document = Document().mesh()
    for x in (0, 5):
        document.add("nodes", children=[0], translation=[x, 0, 0])
    mesh = document.read()
    assert extents(mesh) == [6, 1, 0]
    assert mesh.parts[0].faces is mesh.parts[1].faces


def test_nodes_in_a_cycle_or_without_end_set_the_mesh_aside(monkeypatch: pytest.MonkeyPatch):
    document = Document(scenes=[{"nodes": [0]}]).mesh(children=[1])
    document.add("nodes", children=[0])
    with pytest.raises(BadMesh, match="cycle"):
        document.read()
    monkeypatch.setattr("crossjepa.mesh.gltf_nodes.MOST_SHARED", 1000)
    chain = Document().mesh()
    for index in range(40):
        chain.add("nodes", children=[index, index])
    with pytest.raises(BadMesh, match="too many nodes"):
        chain.read()


def test_hidden_nodes_are_not_drawn():
    document = Document().mesh().mesh(scale=[0, 0, 0])
    document.add("nodes", children=[3], extensions={"KHR_node_visibility": {"visible": False}})
    document.mesh(document.primitive())
    assert len(document.read().parts) == 1


def test_instances_are_drawn_and_counted_before_that():
    document = Document(extensionsRequired=["EXT_mesh_gpu_instancing"])
    places = document.accessor(np.float32([[0, 0, 0], [9, 0, 0]]))
    turns = document.accessor(np.int8([[0, 0, 0, 127], [0, 0, 127, 0]]), normalized=True)
    attributes = {"TRANSLATION": places, "ROTATION": turns}
    document.mesh(extensions={"EXT_mesh_gpu_instancing": {"attributes": attributes}}, scale=[2, 2, 2])
    mesh = document.read()
    assert extents(mesh) == [18, 4, 0]
    assert area(mesh) == pytest.approx(8)
    document.root["accessors"] = [
        dict(each, count=10_000_000) if index < 2 else each
        for index, each in enumerate(document.root["accessors"])
    ]
    for each in document.root["accessors"][:2]:
        del each["bufferView"]
    document.root["meshes"][0]["primitives"] *= 2
    with pytest.raises(BadMesh, match="more than 20000000 triangles"):
        document.read()
