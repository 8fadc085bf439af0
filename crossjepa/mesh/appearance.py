"""What all formats share where a file says little of a surface's look."""

from dataclasses import replace

import numpy as np

from crossjepa.mesh.mesh import Part, to_linear

GREY = 102 / 255  # sRGB of a surface whose colour the file does not say
UNKNOWN = to_linear(np.array([GREY, GREY, GREY, 1.0]))  # the same, linear


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
