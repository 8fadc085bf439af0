"""The base colours of glTF 2.0 materials.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#materials
"""

from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import MISSING
from crossjepa.mesh.gltf_document import Document, Json
from crossjepa.mesh.mesh import Wrap

WRAPS: dict[Any, Wrap] = {33071: "clamp", 33648: "mirror"}  # all others repeat
ALPHAS: dict[str, Literal["opaque", "mask", "blend"]] = {"MASK": "mask", "BLEND": "blend"}
FAINTEST = 1 / 255  # alpha below which nothing is seen


@dataclass(frozen=True, eq=False)
class Image:
    """How a material lays an image over a surface.

    Attributes:
        pixels: (H, W, 4) uint8 sRGB.
        wrap: of the sampler.
        coordinates: name of the attribute with the texture coordinates.
        transform: (2, 3) affine transform of these, whose (0, 0) is the image's upper left corner.
    """

    pixels: NDArray[np.uint8]
    wrap: tuple[Wrap, Wrap]
    coordinates: str
    transform: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Material:
    """The base colour of a surface: factor x image, in linear light.

    Attributes:
        factor: (4,) linear.
        image: or None.
        alpha: `opaque`, `mask` or `blend`.
        cutoff: of `mask`.
        opacity: the greatest alpha of factor x image.
    """

    factor: NDArray[np.float64]
    image: Image | None = None
    alpha: Literal["opaque", "mask", "blend"] = "opaque"
    cutoff: float = 0.5
    opacity: float = 1

    def seen(self, opacity: float) -> "Material":
        """The material made opaque, if nothing would be seen of it at this greatest alpha of the vertices."""
        least = self.cutoff if self.alpha == "mask" else FAINTEST
        return replace(self, alpha="opaque") if self.opacity * opacity < least else self

    def plain(self) -> "Material":
        """The material without its image: of its factor if that has a colour, else grey."""
        white = bool((self.factor[:3] == 1).all())
        return replace(
            self, image=None, factor=np.array([*MISSING[:3], self.factor[3]]) if white else self.factor
        )


class Materials:
    """Reads the materials of a document, each once, and of their images only those of base colours."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._materials: dict[int, Material] = {}
        self._pixels: dict[int, NDArray[np.uint8] | None] = {}

    def material(self, index: Any) -> Material:
        """A material; glTF's white default if the index is None."""
        if index is None:
            return Material(np.ones(4))
        item = self.document.item("materials", index)
        if index not in self._materials:
            self._materials[index] = self._read(item)
        return self._materials[index]

    def _read(self, item: Json) -> Material:
        factor, texture = base_colour(item)
        image = self._image(texture) if texture else None
        alpha, cutoff = ALPHAS.get(item.get("alphaMode", ""), "opaque"), float(item.get("alphaCutoff", 0.5))
        opacity = float(factor[3]) * (image.pixels[..., 3].max() / 255 if image and alpha != "opaque" else 1)
        material = Material(factor, image, alpha, cutoff, opacity)
        return material.plain() if texture and not image else material

    def _image(self, info: Json) -> Image | None:
        texture = self.document.item("textures", info.get("index"))
        moved = info.get("extensions", {}).get("KHR_texture_transform", {})
        sampler = self.document.item("samplers", texture["sampler"]) if "sampler" in texture else {}
        wrap = WRAPS.get(sampler.get("wrapS"), "repeat"), WRAPS.get(sampler.get("wrapT"), "repeat")
        pixels = self._decoded(texture)
        if pixels is None:
            return None
        coordinates = f"TEXCOORD_{moved.get('texCoord', info.get('texCoord', 0))}"
        return Image(pixels, wrap, coordinates, texture_transform(moved))

    def _decoded(self, texture: Json) -> NDArray[np.uint8] | None:
        extensions = texture.get("extensions", {})
        source = extensions.get("EXT_texture_webp", {}).get("source", texture.get("source"))
        if source is None:
            kinds = ", ".join(extensions) or "no image"
            self.document.resources.warnings.append(f"a texture's image is not supported ({kinds})")
            return None
        item = self.document.item("images", source)
        if source not in self._pixels:
            self._pixels[source] = self._load(item, f"image {item.get('name', source)}")
        return self._pixels[source]

    def _load(self, item: Json, name: str) -> NDArray[np.uint8] | None:
        resources, uri = self.document.resources, item.get("uri")
        if uri is not None and not uri.startswith("data:"):
            return resources.image(unquote(uri))
        try:
            data = self.document.load(uri) if uri else bytes(self.document.view(item.get("bufferView")))
        except (BadMesh, ValueError) as error:
            resources.warnings.append(f"texture {name} is missing ({error})")
            return None
        return resources.decode(data, name)


def base_colour(item: Json) -> tuple[NDArray[np.float64], Json | None]:
    """A material's (4,) linear colour and the texture that multiplies it.

    An emission shows where the base colour is black; the other maps of a material are left alone.
    """
    extensions = item.get("extensions", {})
    glossy = extensions.get("KHR_materials_pbrSpecularGlossiness")
    strength = extensions.get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1)
    if glossy is not None:
        factor, texture = glossy.get("diffuseFactor"), glossy.get("diffuseTexture")
    else:
        rough = item.get("pbrMetallicRoughness", {})
        factor, texture = rough.get("baseColorFactor"), rough.get("baseColorTexture")
    colour = np.array([1, 1, 1, 1] if factor is None else factor, dtype=np.float64)
    emission = np.array(item.get("emissiveFactor", (0, 0, 0)), dtype=np.float64) * strength
    if colour.shape != (4,) or emission.shape != (3,):
        raise BadMesh("a material's factor does not have 4 numbers, or its emission 3")
    if not np.isfinite([*colour, *emission]).all():
        raise BadMesh("a material's factor is not finite")
    if not colour[:3].any() and emission.any():
        colour[:3] = emission / max(1, emission.max())
        texture = item.get("emissiveTexture")
    return np.clip(colour, 0, 1), texture


def texture_transform(moved: Json) -> NDArray[np.float64]:
    """The (2, 3) matrix of KHR_texture_transform: scale, then rotation, then offset.

    https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_texture_transform
    """
    (x, y), angle = moved.get("scale", (1, 1)), float(moved.get("rotation", 0))
    cos, sin = np.cos(angle), np.sin(angle)
    # Counter-clockwise as one looks at the image, whose v points down.
    turned = np.array([[cos, sin], [-sin, cos]]) @ np.diag([x, y])
    return np.column_stack([turned, moved.get("offset", (0, 0))])
