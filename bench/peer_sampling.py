"""Sampling a surface: 8192 points, the first 2048 of them spread evenly, as farthest points are.

Meshes are in memory. The Poisson disk of Open3D draws 8192 points and drops three quarters, those with the
nearest neighbours: it gives 2048 even points in no order, and no others. Open3D's farthest points take less
time than ours; they begin with the first one, so that they depend on the order of the points.
"""

from pathlib import Path

import numpy as np
import open3d
import trimesh
from comparison import Comparison, Options, find_meshes
from numpy.typing import NDArray
from peer_grouping import numpy_farthest
from timing import time_rounds

from crossjepa.data.files import Files
from crossjepa.data.sample import MOST_SHOWN, sample_mesh

MESHES, POINTS = 12, 8192  # of a round; of each


def compare(options: Options) -> list[Comparison]:
    """Time sampling the same meshes."""
    paths = find_meshes(options.folder, MESHES)
    ours = [Files(Path(path).parent).mesh(Path(path).name) for path in paths]
    loaded = [trimesh.load_mesh(path) for path in paths]
    converted = [to_open3d(mesh) for mesh in loaded]
    calls = {
        "ours": lambda: [sample_mesh(mesh, POINTS, 0) for mesh in ours],
        "trimesh's sample_surface, farthest points by a loop in numpy": lambda: [*map(with_trimesh, loaded)],
        "Open3D's uniform sampling and farthest points": lambda: [*map(with_open3d, converted)],
        "Open3D's Poisson disk": lambda: [
            mesh.sample_points_poisson_disk(MOST_SHOWN, init_factor=POINTS / MOST_SHOWN) for mesh in converted
        ],
    }
    return [Comparison(f"{POINTS} points of each of {MESHES} meshes", time_rounds(calls, options.rounds))]


def with_trimesh(mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """Points of a surface, and their farthest ones."""
    points = np.asarray(trimesh.sample.sample_surface(mesh, POINTS)[0])
    return points[numpy_farthest(points, MOST_SHOWN)]


def with_open3d(mesh: open3d.geometry.TriangleMesh) -> open3d.geometry.PointCloud:
    """Points of a surface, and their farthest ones."""
    return mesh.sample_points_uniformly(POINTS).farthest_point_down_sample(MOST_SHOWN)


def to_open3d(mesh: trimesh.Trimesh) -> open3d.geometry.TriangleMesh:
    """A mesh of trimesh in Open3D."""
    vertices, faces = (np.asarray(each) for each in (mesh.vertices, mesh.faces))
    return open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(vertices), open3d.utility.Vector3iVector(faces)
    )
