"""Converting a mesh into what pyrender draws.

One pyrender mesh, because pyrender draws the meshes of a scene in the order of their memory addresses: where
surfaces coincide or are transparent, pixels would differ from process to process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from trimesh import geometry, triangles

from crossjepa.mesh.mesh import Mesh, Part, Texture

# Where a vertex normal differs from a face's normal by more than this angle, the edge is drawn sharp.
SMOOTH_COSINE = np.cos(np.radians(40))
WRAPS = {"repeat": 0x2901, "clamp": 0x812F, "mirror": 0x8370}  # of OpenGL


def surface(mesh: Mesh, frame: NDArray[np.float64]) -> Any:
    """The mesh's triangles, transformed and coloured, in file order; transparent ones last.

    Args:
        mesh: any mesh.
        frame: (4, 4) transform from the mesh's frame to the unit sphere.

    Returns:
        A `pyrender.Mesh`.
    """
    import pyrender

    primitives = [_primitive(part, frame) for part in mesh.parts]
    return pyrender.Mesh(sorted(primitives, key=lambda p: bool(p.material.alphaMode == "BLEND")))


def _primitive(part: Part, frame: NDArray[np.float64]) -> Any:
    """One part whose faces share no vertices, so that sharp edges and face colours are drawn like all
    others."""
    import pyrender

    linear, shift = frame[:3, :3], frame[:3, 3]
    corners = (part.vertices @ linear.T + shift)[part.faces]
    vertex_normals = _vertex_normals(part) if part.normals is None else part.normals
    smooth = _unit(vertex_normals @ np.linalg.inv(linear))[part.faces]
    image, colour, factor = _colours(part)
    opaque = factor[3] == 1 and (image is None or image[..., 3].min() == 255)
    opaque = opaque and (colour is None or colour[..., 3].min() == 1)
    material = pyrender.MetallicRoughnessMaterial(
        baseColorFactor=factor,
        baseColorTexture=_texture(image, part.texture),
        metallicFactor=0.0,
        roughnessFactor=0.6,  # a faint sheen, or black objects lose their shape
        alphaMode="OPAQUE" if opaque else "BLEND",
        doubleSided=True,  # backs of open surfaces are visible, and culling closed ones saves nothing
    )
    return pyrender.Primitive(
        positions=corners.reshape(-1, 3),
        normals=_normals(corners, smooth).reshape(-1, 3),
        texcoord_0=part.texture.uv[part.faces].reshape(-1, 2) if part.texture else None,
        color_0=colour,
        material=material,
    )


def _colours(part: Part) -> tuple[NDArray[np.uint8] | None, NDArray[np.float64] | None, NDArray[np.float64]]:
    """A part's image, (3 F, 4) linear colours of corners, and (4,) linear factor, with alpha as drawn."""
    image, colour, factor = None, None, part.factor.copy()
    if part.vertex_colours is not None:
        colour = part.vertex_colours[part.faces].reshape(-1, 4)
    elif part.face_colours is not None:
        colour = np.repeat(part.face_colours, 3, axis=0)
    if part.texture is not None:
        image = part.texture.image.copy()
        image[..., 3] = np.round(255 * _alpha(part, image[..., 3] / 255))
    if colour is not None:
        colour[..., 3] = _alpha(part, colour[..., 3])
    if part.alpha != "blend":
        varies = image is not None or colour is not None
        factor[3] = 1 if varies else _alpha(part, np.ones(()))
    return image, colour, factor


def _alpha(part: Part, alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha of an image or of colours as it is drawn: 1 where the part is solid, 0 where it is cut away."""
    if part.alpha == "blend":
        return alpha
    if part.alpha == "mask":
        return np.where(alpha * part.factor[3] >= part.cutoff, 1.0, 0.0)
    return np.ones_like(alpha)


def _texture(image: NDArray[np.uint8] | None, texture: Texture | None) -> Any:
    """pyrender's texture of an (H, W, 4) image, or None."""
    import pyrender

    if image is None or texture is None:
        return None
    along_u, along_v = (WRAPS[wrap] for wrap in texture.wrap)
    sampler = pyrender.Sampler(wrapS=along_u, wrapT=along_v)
    return pyrender.Texture(source=image, source_channels="RGBA", sampler=sampler)


def _vertex_normals(part: Part) -> NDArray[np.float64]:
    """(V, 3) mean normals of the faces around each vertex, weighted by angle; zero where they cancel."""
    shapes = part.vertices[part.faces]
    flat, angles = _unit(triangles.cross(shapes)), triangles.angles(shapes)
    mean = np.asarray(geometry.weighted_vertex_normals(len(part.vertices), part.faces, flat, angles))
    # Of faces that lie back to back only rounding is left, without a direction.
    return np.where(np.linalg.norm(mean, axis=1, keepdims=True) > 0.5, mean, 0.0)


def _normals(corners: NDArray[np.float64], smooth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3, 3) corner normals: the vertex's where it agrees with the face, the face's at sharp edges.

    Which side a normal points to does not matter: faces are lit from both."""
    flat = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))[:, None]
    agrees = np.abs(np.einsum("fcx,fix->fc", smooth, flat))[..., None] > SMOOTH_COSINE
    return np.where(agrees, smooth, flat)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)
