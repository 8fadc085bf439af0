"""Colours, textures and opacity of materials in COLLADA files.

Source: the COLLADA 1.4.1 and 1.5.0 specifications, https://www.khronos.org/collada/
"""

from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.mesh.colours import MISSING, PLAIN
from crossjepa.mesh.mesh import Wrap, to_linear
from crossjepa.mesh.numbers import floats
from crossjepa.mesh.resources import Resources
from crossjepa.mesh.xml import local_name

LUMINANCE = np.array([0.212671, 0.715160, 0.072169])  # of linear red, green and blue, as the format says
SHADINGS = ("lambert", "phong", "blinn", "constant")
WRAPS: dict[str, Wrap] = {"MIRROR": "mirror", "CLAMP": "clamp", "BORDER": "clamp", "NONE": "clamp"}


@dataclass(frozen=True, eq=False)
class Material:
    """What a material says of the base colour.

    Attributes:
        factor: (4,) linear colour and opacity.
        image: (H, W, 4) uint8 sRGB, or None.
        texcoord: semantic by which its texture coordinates are bound.
        wrap: along u and v.
        stated: whether the file gives a colour, so that `factor` is no stand-in for one.
    """

    factor: NDArray[np.float64]
    image: NDArray[np.uint8] | None = None
    texcoord: str = ""
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
    stated: bool = True


class Materials:
    """The materials of a document by id.

    Args:
        elements: of the document, by id.
        resources: finds images.
    """

    def __init__(self, elements: dict[str, etree._Element], resources: Resources) -> None:
        self._elements = elements
        self._resources = resources
        self._image = cache(resources.image)
        self.get = cache(self._get)

    def _get(self, name: str) -> Material | None:
        """A material; None, with a warning, if it or its effect is missing."""
        material = self._elements.get(name)
        instance = None if material is None else material.find("{*}instance_effect")
        effect = None if instance is None else self._elements.get(instance.get("url", "").lstrip("#"))
        profile = None if effect is None else effect.find("{*}profile_COMMON")
        if effect is None or profile is None:
            self._resources.warnings.append(f"material {name} is missing")
            return None
        values = {e.get("sid", ""): e for e in effect.iter("{*}newparam")}
        shading = next((e for e in profile.iterfind("{*}technique/*") if local_name(e) in SHADINGS), None)
        return Material(PLAIN, stated=False) if shading is None else self._shaded(shading, values)

    def _shaded(self, shading: etree._Element, values: dict[str, etree._Element]) -> Material:
        base = _base(shading, values)
        texture = None if base is None else base.find("{*}texture")
        colour = None if base is None else _colour(base, values)
        factor = PLAIN.copy() if colour is None else to_linear(np.append(colour[:3].clip(0, 1), 1.0))
        factor[3] = _opacity(shading, values)
        if texture is None:
            return Material(factor, stated=colour is not None)
        name, wrap = self._file(texture.get("texture", ""), values)
        if (image := self._image(name)) is None:
            return Material(np.append(MISSING[:3], factor[3]), stated=False)
        if shading.find("{*}transparent/{*}texture") is None:  # then the image's alpha means nothing
            image = np.concatenate([image[..., :3], np.full_like(image[..., :1], 255)], axis=-1)
        return Material(np.array([1, 1, 1, factor[3]]), image, texture.get("texcoord", ""), wrap)

    def _file(self, name: str, values: dict[str, etree._Element]) -> tuple[str, tuple[Wrap, Wrap]]:
        """The file of a texture, and what it shows outside: a sampler of a surface of an image, or less."""
        wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
        while name in values:
            value = values.pop(name)
            if (sampler := value.find("{*}sampler2D")) is not None:
                u, v = (WRAPS.get(sampler.findtext(f"{{*}}wrap_{axis}", ""), "repeat") for axis in "st")
                wrap = (u, v)
            link = value.find(".//{*}instance_image")
            text = value.findtext(".//{*}source") or value.findtext(".//{*}init_from") or ""
            name = text.strip() if link is None else link.get("url", "").lstrip("#")
        image = self._elements.get(name)
        if image is not None:
            name = image.findtext("{*}init_from/{*}ref") or image.findtext("{*}init_from") or name
        return unquote(name.strip()).removeprefix("file://").lstrip("/"), wrap


def _base(shading: etree._Element, values: dict[str, etree._Element]) -> etree._Element | None:
    """What gives the base colour: <diffuse>, or <emission> where <diffuse> is black or left out."""
    diffuse, emission = shading.find("{*}diffuse"), shading.find("{*}emission")
    if emission is None or not (local_name(shading) == "constant" or _shows(emission, values)):
        return diffuse
    return diffuse if diffuse is not None and _shows(diffuse, values) else emission


def _shows(element: etree._Element, values: dict[str, etree._Element]) -> bool:
    colour = _colour(element, values)
    return element.find("{*}texture") is not None or (colour is not None and bool(colour[:3].any()))


def _colour(element: etree._Element, values: dict[str, etree._Element]) -> NDArray[np.float64] | None:
    """The numbers of a colour or float, which may stand in a parameter."""
    if (param := element.find("{*}param")) is not None:
        element = values.get(param.get("ref", ""), element)
    for kind in ("color", "float", "float3", "float4"):
        if (text := element.findtext(f"{{*}}{kind}")) is not None:
            return floats(text)
    return None


def _opacity(shading: etree._Element, values: dict[str, etree._Element]) -> float:
    """What the four conventions of <transparent> make of its colour and <transparency>; without it, 1."""
    transparent, amount = shading.find("{*}transparent"), shading.find("{*}transparency")
    if transparent is None:
        return 1.0
    share = None if amount is None else _colour(amount, values)
    colour = _colour(transparent, values)
    colour = np.ones(4) if colour is None else np.append(colour, np.ones(4))[:4]
    mode = transparent.get("opaque", "A_ONE")
    alpha = colour[3] if mode.startswith("A") else LUMINANCE @ colour[:3]
    alpha = float(alpha) * (1.0 if share is None else float(share[0]))
    return min(max(1 - alpha if mode.endswith("ZERO") else alpha, 0.0), 1.0)
