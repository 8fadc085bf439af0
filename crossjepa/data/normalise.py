"""The frame that sampling and rendering share."""

import numpy as np
import trimesh
from numpy.typing import NDArray


def unit_sphere(scene: trimesh.Scene) -> NDArray[np.float64]:
    """Transform that centres a scene's surface and fits it into the unit sphere.

    Args:
        scene: with at least one face of positive area.

    Returns:
        (4, 4) matrix: the area-weighted centroid of the surface goes to the origin, the farthest vertex
        to distance 1. It neither turns nor stretches.
    """
    mesh = scene.to_mesh()
    centroid = np.average(mesh.triangles_center, axis=0, weights=mesh.area_faces)
    vertices = mesh.vertices[np.unique(mesh.faces)]
    scale = 1.0 / np.linalg.norm(vertices - centroid, axis=1).max()
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = -scale * centroid
    return matrix
