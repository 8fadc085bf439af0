"""The colours of glTF 2.0: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#materials."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from gltf_documents import RED_LEFT, Document, png, texels
from PIL import Image

from crossjepa.mesh.resources import Resources


def test_without_a_material_or_factor_the_colour_is_white():
    for document in (Document().mesh(), Document().coloured(), Document().coloured(pbrMetallicRoughness={})):
        part = document.read().parts[0]
        np.testing.assert_array_equal(part.factor, np.ones(4))
        assert part.texture is None


@pytest.mark.parametrize(
    "colours",
    [np.uint8([0, 255, 0]), np.uint16([0, 65535, 0, 65535]), np.float32([0, 1, 0])],
    ids=lambda each: str(each.dtype),
)
def test_vertex_colours_are_linear_and_multiply_the_factor(colours: np.ndarray):
    rough = {"baseColorFactor": [0.5, 0.5, 0.5, 1]}
    part = (
        Document().coloured({"COLOR_0": np.tile(colours, (4, 1))}, pbrMetallicRoughness=rough).read().parts[0]
    )
    np.testing.assert_array_equal(part.factor, [0.5, 0.5, 0.5, 1])
    np.testing.assert_array_equal(part.vertex_colours, np.tile([0, 1, 0, 1], (4, 1)))


BLACK = {"baseColorFactor": [0, 0, 0, 1]}
GLOSSY = "KHR_materials_pbrSpecularGlossiness"


@pytest.mark.parametrize(
    ("material", "factor"),
    [
        ({"pbrMetallicRoughness": BLACK, "emissiveFactor": [1, 0, 0]}, [1, 0, 0, 1]),
        ({"pbrMetallicRoughness": BLACK}, [0, 0, 0, 1]),
        ({"pbrMetallicRoughness": {}, "emissiveFactor": [1, 0, 0]}, [1, 1, 1, 1]),
        (
            {
                "pbrMetallicRoughness": BLACK,
                "emissiveFactor": [1, 0.5, 0],
                "extensions": {"KHR_materials_emissive_strength": {"emissiveStrength": 4}},
            },
            [1, 0.5, 0, 1],
        ),
        (
            {"pbrMetallicRoughness": BLACK, "extensions": {GLOSSY: {"diffuseFactor": [0, 0, 1, 1]}}},
            [0, 0, 1, 1],
        ),
        ({"pbrMetallicRoughness": BLACK, "extensions": {GLOSSY: {}}}, [1, 1, 1, 1]),
    ],
)
def test_the_base_colour_of_a_material(material: dict[str, Any], factor: list[float]):
    np.testing.assert_array_equal(Document().coloured(**material).read().parts[0].factor, factor)


@pytest.mark.parametrize(
    ("mode", "alpha", "seen"),
    [
        ("OPAQUE", 0, "opaque"),
        ("BLEND", 0.5, "blend"),
        ("BLEND", 0, "opaque"),
        ("MASK", 0.4, "mask"),
        ("MASK", 0.2, "opaque"),
    ],
)
def test_alpha_follows_the_material_unless_nothing_would_be_seen(mode: str, alpha: float, seen: str):
    rough = {"baseColorFactor": [1, 0, 0, alpha]}
    part = Document().coloured(pbrMetallicRoughness=rough, alphaMode=mode, alphaCutoff=0.3).read().parts[0]
    assert (part.alpha, part.cutoff) == (seen, 0.3)


# Textures


def test_a_texture_shows_at_its_coordinates():
    assert (texels(Document().textured().read()) == [255, 0, 0, 255]).all()
    quantised = np.tile(np.uint16([49151, 0]), (4, 1))
    document = Document().textured(quantised)
    document.root["accessors"][0]["normalized"] = True
    assert (texels(document.read()) == [0, 0, 255, 255]).all()


def test_coordinates_count_from_the_upper_left_corner():
    mesh = Document().textured(np.float32([[0, 0], [1, 0], [0, 1], [1, 1]])).read()
    np.testing.assert_array_equal(mesh.parts[0].texture.uv, [[0, 1], [1, 1], [0, 0], [1, 0]])


def test_a_texture_may_use_another_set_and_a_transform():
    transform = {"offset": [0.5, 0.25], "rotation": np.pi / 2, "scale": [2, 4], "texCoord": 1}
    document = Document().textured(info={"texCoord": 3, "extensions": {"KHR_texture_transform": transform}})
    document.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_1"] = document.accessor(
        np.tile(np.float32([0.1, 0.2]), (4, 1))
    )
    uv = document.read().parts[0].texture.uv[0]
    # (0.1, 0.2) scaled is (0.2, 0.8); a quarter turn, with v pointing down, makes it (0.8, -0.2).
    np.testing.assert_allclose(uv, [0.8 + 0.5, 1 - (-0.2 + 0.25)], rtol=1e-6)


def test_samplers_wrap():
    document = Document().textured(texture={"source": 0, "sampler": 0})
    document.add("samplers", wrapS=33071, wrapT=33648)
    assert document.read().parts[0].texture.wrap == ("clamp", "mirror")
    assert Document().textured().read().parts[0].texture.wrap == ("repeat", "repeat")


def test_an_image_is_a_file_or_a_uri_with_its_data():
    files = {"wood grain.png": png(RED_LEFT)}
    mesh = Document().textured(uri="wood%20grain.png").read(files)
    assert (texels(mesh) == [255, 0, 0, 255]).all()
    uri = "data:image/png;base64," + base64.b64encode(files["wood grain.png"]).decode()
    assert (texels(Document().textured(uri=uri).read()) == [255, 0, 0, 255]).all()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document().textured(uri="gone.png"), "gone.png is missing"),
        (Document().textured(bufferView=99), "image 0 is missing"),
        (Document().textured(uri="data:image/png;base64,AAAA"), "is not an image"),
        (
            Document().textured(texture={"extensions": {"KHR_texture_basisu": {"source": 0}}}),
            "KHR_texture_basisu",
        ),
        (Document().textured(info={"texCoord": 1}), "no TEXCOORD_1"),
    ],
)
def test_a_texture_that_cannot_be_had_is_grey_and_told(document: Document, words: str):
    mesh = document.read()
    assert mesh.parts[0].texture is None
    np.testing.assert_allclose(mesh.parts[0].factor, [0.216, 0.216, 0.216, 1])
    assert len(mesh.warnings) == 1
    assert words in mesh.warnings[0]


def test_the_source_that_can_be_read_is_used():
    webp = png(RED_LEFT.repeat(16, 0).repeat(16, 1), "WEBP", lossless=True)
    document = Document(extensionsRequired=["EXT_texture_webp"])
    document.textured(texture={"extensions": {"EXT_texture_webp": {"source": 1}}}, uri="gone.png")
    document.add("images", bufferView=document.view(webp))
    assert (texels(document.read()) == [255, 0, 0, 255]).all()
    fallback = {"source": 0, "extensions": {"KHR_texture_basisu": {"source": 9}}}
    assert not Document().textured(texture=fallback).read().warnings


def test_images_are_decoded_once_and_those_of_other_maps_not_at_all():
    document = Document().textured()
    document.root["materials"][0]["normalTexture"] = {"index": 1}
    document.root["materials"].append(document.root["materials"][0])
    document.add("textures", source=1)
    document.add("images", uri="gone.png")
    uv = document.root["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"]
    document.mesh(document.primitive({"TEXCOORD_0": uv}, material=1))
    mesh = document.read()
    assert mesh.warnings == ()
    assert mesh.parts[0].texture.image is mesh.parts[1].texture.image


def test_of_black_surfaces_the_emission_is_the_texture():
    document = Document().textured()
    texture = document.root["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
    document.root["materials"][0] = {
        "pbrMetallicRoughness": BLACK,
        "emissiveFactor": [1, 1, 1],
        "emissiveTexture": texture,
    }
    mesh = document.read()
    assert (texels(mesh) == [255, 0, 0, 255]).all()
    np.testing.assert_array_equal(mesh.parts[0].factor, np.ones(4))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_large_images_are_reduced(mode: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("crossjepa.mesh.resources.LARGEST", 4)
    file = io.BytesIO()
    Image.new("RGB", (10, 6), "white").convert(mode).save(file, "PNG")
    image = Resources(lambda _: file.getvalue()).image("t.png")
    assert image.tolist() == np.full((2, 4, 4), 255).tolist()
