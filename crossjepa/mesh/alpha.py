"""Which parts are see-through."""

from dataclasses import replace

from crossjepa.mesh.mesh import Part


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
