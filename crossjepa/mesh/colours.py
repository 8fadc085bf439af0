"""Base colours that several formats share: of what a file leaves open, of numbers at vertices, and alpha."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crossjepa.mesh.mesh import Part, to_linear

WHITE = np.ones(4)
GREY = 0.4  # sRGB of a surface whose colour the file does not say
PLAIN = to_linear(np.array([GREY, GREY, GREY, 1]))  # the same, linear
MISSING = np.array([0.216, 0.216, 0.216, 1])  # a surface whose image cannot be had


def linear_colours(numbers: NDArray[np.number], most: float) -> NDArray[np.float64]:
    """Colours as linear light.

    Args:
        numbers: (N, 3 or 4) sRGB and alpha in 0..`most`; alpha is 1 if it is not given.

    Returns:
        (N, 4) in 0..1.
    """
    srgb = np.ones((len(numbers), 4))
    srgb[:, : numbers.shape[1]] = np.clip(numbers / most, 0, 1)
    return to_linear(srgb)


def coloured(part: Part, vertices: NDArray[np.float64] | None, faces: NDArray[np.float64] | None) -> Part:
    """A part with the (V, 4) linear colours of its vertices or else the (F, 4) ones of its faces, if any."""
    if vertices is None and faces is None:
        return part
    faces = faces if vertices is None else None
    return with_alpha(replace(part, factor=WHITE, vertex_colours=vertices, face_colours=faces))


def with_alpha(part: Part) -> Part:
    """The part drawn as its alpha says: blended if some of it is see-through.

    It stays opaque if all of it would be invisible: exporters write alpha 0 for opaque, too.
    """
    least = most = part.factor[3]
    if part.texture is not None:
        alpha = part.texture.image[..., 3]
        least, most = least * (alpha.min() / 255), most * (alpha.max() / 255)
    for colours in (part.vertex_colours, part.face_colours):
        if colours is not None:
            least, most = least * colours[:, 3].min(), most * colours[:, 3].max()
    return replace(part, alpha="blend" if least < 1 and most > 0 else "opaque")
