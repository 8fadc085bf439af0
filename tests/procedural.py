"""Procedural shapes as meshes of trimesh."""

import numpy as np
import trimesh

from crossjepa.data.normalise import surface
from crossjepa.data.sources.shapes import Shapes


def shape(object_id: str) -> trimesh.Trimesh:
    """A procedural shape, such as chair-000005."""
    return surface(Shapes(0, 0).load(object_id))


def turned(mesh: trimesh.Trimesh, degrees: float, axis: tuple[int, int, int] = (0, 1, 0)) -> trimesh.Trimesh:
    """A copy of a mesh, turned."""
    matrix = trimesh.transformations.rotation_matrix(np.deg2rad(degrees), axis)
    return mesh.copy().apply_transform(matrix)
