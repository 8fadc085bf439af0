"""Frames: from a file's axes to +Y up, and from there to the unit sphere shared by rendering and sampling."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crossjepa.mesh.mesh import Axis, Mesh, Part

if TYPE_CHECKING:
    import trimesh

# (3, 3) rotations; each moves the named axis of a file to +Y and keeps the frame right-handed.
UPRIGHT: dict[Axis, NDArray[np.float64]] = {
    "x": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}


def surface(mesh: Mesh | Part) -> "trimesh.Trimesh":
    """The triangles without their colours, to measure and sample."""
    import trimesh  # takes longer to import than all else that a catalog needs

    parts = mesh.parts if isinstance(mesh, Mesh) else (mesh,)
    first = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = [part.faces + start for part, start in zip(parts, first, strict=False)]
    vertices = [part.vertices for part in parts]
    return trimesh.Trimesh(np.concatenate(vertices), np.concatenate(faces), process=False)


def unit_sphere(mesh: Mesh) -> NDArray[np.float64]:
    """Transform that centres a mesh's surface and fits it into the unit sphere.

    Args:
        mesh: with at least one face of positive area.

    Returns:
        (4, 4) matrix: the area-weighted centroid of the surface goes to the origin, the farthest vertex
        to distance 1. It scales all axes alike and does not rotate.
    """
    whole = surface(mesh)
    centroid = np.average(whole.triangles_center, axis=0, weights=whole.area_faces)
    vertices = whole.vertices[np.unique(whole.faces)]
    scale = 1.0 / np.linalg.norm(vertices - centroid, axis=1).max()
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = -scale * centroid
    return matrix
