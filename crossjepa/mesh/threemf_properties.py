"""Colours and textures of triangles in 3MF files.

Source: the core specification and the materials extension, https://github.com/3MFConsortium
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.mesh.colours import PLAIN
from crossjepa.mesh.mesh import Wrap, to_linear
from crossjepa.mesh.xml import local_name

WRAPS: dict[str, Wrap] = {"mirror": "mirror", "clamp": "clamp", "none": "clamp"}
ReadImage = Callable[[str], NDArray[np.uint8] | None]


@dataclass(frozen=True, eq=False)
class Properties:
    """A group of properties, to which the corners of triangles refer by row.

    Attributes:
        rows: (P + 1, 4) linear colours, or (P + 1, 2) coordinates in the image; the last one is for corners
            that refer to none.
        image: (H, W, 4) uint8 sRGB, or None.
        wrap: along u and v.
    """

    rows: NDArray[np.float64]
    image: NDArray[np.uint8] | None = None
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")

    def at(self, numbers: NDArray[np.int64] | Sequence[int]) -> NDArray[np.int64]:
        """References as numbers of rows."""
        numbers = np.asarray(numbers, dtype=np.int64)
        return np.where((numbers >= 0) & (numbers < len(self.rows) - 1), numbers, len(self.rows) - 1)


NONE = Properties(PLAIN[None])


def read_properties(resources: etree._Element, read_image: ReadImage) -> dict[str, Properties]:
    """The groups of properties of a model, by id.

    Composites are mixed in linear light; of several layers the last one is taken, which lies on top.

    Args:
        resources: the model's element of that name.
        read_image: gives an image of the package by its path, or None.
    """
    elements = {element.get("id", ""): element for element in resources}
    groups: dict[str, Properties] = {}
    for name, element in elements.items():
        kind = local_name(element)
        if kind in ("basematerials", "colorgroup"):
            colours = [_colour(e.get("displaycolor") or e.get("color") or "") for e in element]
            groups[name] = Properties(np.array([*colours, PLAIN]))
        elif kind == "texture2dgroup":
            groups[name] = _textured(element, elements.get(element.get("texid", "")), read_image)
        elif kind == "compositematerials":
            groups[name] = _mixed(groups.get(element.get("matid", "")), element)
        elif kind == "multiproperties" and (layers := element.get("pids", "").split()):
            groups[name] = _layer(groups.get(layers[-1]), element, len(layers) - 1)
    return groups


def _colour(text: str) -> NDArray[np.float64]:
    """Linear red, green, blue and alpha of #RRGGBB or #RRGGBBAA in sRGB."""
    try:
        values = np.frombuffer(bytes.fromhex(text.strip().removeprefix("#")), np.uint8) / 255
    except ValueError:
        return PLAIN
    return to_linear(np.append(values, 1.0)[:4]) if len(values) in (3, 4) else PLAIN


def _textured(group: etree._Element, texture: etree._Element | None, read_image: ReadImage) -> Properties:
    image = None if texture is None else read_image(texture.get("path", ""))
    if texture is None or image is None:
        return NONE
    coordinates = [(float(e.get("u", 0)), float(e.get("v", 0))) for e in group]
    wrap = tuple(WRAPS.get(texture.get(f"tilestyle{axis}", ""), "repeat") for axis in "uv")
    return Properties(np.array([*coordinates, (0.0, 0.0)]), image, (wrap[0], wrap[1]))


def _mixed(group: Properties | None, element: etree._Element) -> Properties:
    """Mixtures of base materials by their shares."""
    if group is None:
        return NONE
    bases = group.rows[group.at([int(word) for word in element.get("matindices", "").split()])]
    shares = [np.array(e.get("values", "").split(), dtype=np.float64)[: len(bases)] for e in element]
    rows = [share @ bases[: len(share)] / share.sum() if share.sum() > 0 else PLAIN for share in shares]
    return Properties(np.array([*rows, PLAIN]))


def _layer(group: Properties | None, element: etree._Element, position: int) -> Properties:
    """The rows of a group to which the numbers at a position in each child's list refer; 0 if left out."""
    group = group or NONE
    lists = [[int(word) for word in child.get("pindices", "").split()] for child in element]
    numbers = [words[position] if position < len(words) else 0 for words in lists]
    return replace(group, rows=group.rows[group.at([*numbers, -1])])
