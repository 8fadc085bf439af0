"""Converting a trimesh scene into one pyrender mesh.

One mesh, because pyrender draws the meshes of a scene in the order of their memory addresses: where surfaces
coincide or are transparent, pixels would differ from process to process.
"""

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.visual.material import PBRMaterial

# Where a vertex normal differs from a face's normal by more than this angle, the edge is drawn sharp.
SMOOTH_COSINE = np.cos(np.radians(40))


def surface(scene: trimesh.Scene, frame: NDArray[np.float64]) -> Any:
    """The scene's triangles, transformed and coloured, in file order; transparent ones last.

    Args:
        scene: textured, vertex-coloured, face-coloured or plain geometry.
        frame: (4, 4) transform from the scene's frame to the unit sphere.

    Returns:
        A `pyrender.Mesh`.

    Raises:
        ValueError: if the scene has no triangle.
    """
    import pyrender

    primitives = []
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        geometry = scene.geometry[name]
        if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces) > 0:
            primitives.append(_primitive(geometry, frame @ transform))
    if not primitives:
        raise ValueError("no triangle to draw")
    return pyrender.Mesh(sorted(primitives, key=lambda p: bool(p.material.alphaMode == "BLEND")))


def _primitive(mesh: trimesh.Trimesh, transform: NDArray[np.float64]) -> Any:
    """One mesh, with three vertices of its own for each face, so that sharp edges and face colours are drawn
    like all others."""
    import pyrender

    linear, shift = transform[:3, :3], transform[:3, 3]
    faces = mesh.faces
    corners = (mesh.vertices @ linear.T + shift)[faces]
    smooth = _unit(mesh.vertex_normals @ np.linalg.inv(linear))[faces]
    material, colour = _appearance(mesh)
    return pyrender.Primitive(
        positions=corners.reshape(-1, 3),
        normals=_normals(corners, smooth).reshape(-1, 3),
        texcoord_0=mesh.visual.uv[faces].reshape(-1, 2) if material.baseColorTexture is not None else None,
        color_0=colour,
        material=material,
    )


def _normals(corners: NDArray[np.float64], smooth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3, 3) corner normals: the vertex's where it agrees with the face, the face's at sharp edges.

    Which side a normal points to does not matter: faces are lit from both."""
    flat = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))[:, None]
    agrees = np.abs(np.einsum("fcx,fix->fc", smooth, flat))[..., None] > SMOOTH_COSINE
    return np.where(agrees, smooth, flat)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)


def _appearance(mesh: trimesh.Trimesh) -> tuple[Any, NDArray[np.float64] | None]:
    """A satin material, and (3 F, 4) linear colours in 0..1 where the mesh carries its own."""
    import pyrender

    image, factor, colour = None, np.ones(4), None
    if mesh.visual.kind == "texture":
        image, factor = _texture(mesh)
    elif mesh.visual.kind == "vertex":
        colour = _linear(mesh.visual.vertex_colors)[mesh.faces].reshape(-1, 4)
    elif mesh.visual.kind == "face":
        colour = np.repeat(_linear(mesh.visual.face_colors), 3, axis=0)
    else:
        factor = _linear(mesh.visual.main_color)
    opaque = factor[3] == 1 and (colour is None or colour[:, 3].min() == 1)
    if image is not None:
        opaque = opaque and image.getextrema()[3][0] == 255
    material = pyrender.MetallicRoughnessMaterial(
        baseColorFactor=factor,
        baseColorTexture=image,
        metallicFactor=0.0,
        roughnessFactor=0.6,  # a faint sheen, or black objects lose their shape
        alphaMode="OPAQUE" if opaque else "BLEND",
        doubleSided=True,  # backs of open surfaces are visible, and culling closed ones saves nothing
    )
    return material, colour


def _texture(mesh: trimesh.Trimesh) -> tuple[Any, NDArray[np.float64]]:
    """The RGBA image of a textured mesh, or None, and its (4,) linear colour. An image replaces the diffuse
    colour. Without texture coordinates an image cannot be placed (the shader would not compile: `uv_0
    undeclared`), so it is dropped."""
    material = mesh.visual.material
    if isinstance(material, PBRMaterial):
        material = material.to_simple()
    factor = _linear(material.diffuse)
    factor[3] *= float(np.ravel(material.kwargs.get("d", 1.0))[-1])
    uv = mesh.visual.uv
    if material.image is None or uv is None or np.shape(uv) != (len(mesh.vertices), 2):
        return None, factor
    factor[:3] = 1
    return material.image.convert("RGBA"), factor


def _linear(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(..., 4) sRGB bytes as linear light in 0..1 with alpha unchanged, which pyrender expects
    (IEC 61966-2-1)."""
    value = np.asarray(colours) / 255
    rgb = value[..., :3]
    value[..., :3] = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return value
