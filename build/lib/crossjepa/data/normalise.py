"""Frames: from a file's axes to +Y up, and from there to the unit sphere shared by rendering and sampling."""

import numpy as np
import trimesh
from numpy.typing import NDArray

# (3, 3) rotations; each moves the named axis of a file to +Y and keeps the frame right-handed.
UPRIGHT = {
    "x": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}


def count_faces(scene: trimesh.Scene) -> int:
    """Faces of all geometries of a scene; curves and points have none."""
    return sum(len(getattr(geometry, "faces", ())) for geometry in scene.geometry.values())


def unit_sphere(scene: trimesh.Scene) -> NDArray[np.float64]:
    """Transform that centres a scene's surface and fits it into the unit sphere.

    Args:
        scene: with at least one face of positive area.

    Returns:
        (4, 4) matrix: the area-weighted centroid of the surface goes to the origin, the farthest vertex
        to distance 1. It scales all axes alike and does not rotate.
    """
    mesh = scene.to_mesh()
    centroid = np.average(mesh.triangles_center, axis=0, weights=mesh.area_faces)
    vertices = mesh.vertices[np.unique(mesh.faces)]
    scale = 1.0 / np.linalg.norm(vertices - centroid, axis=1).max()
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = -scale * centroid
    return matrix
