"""From an object in memory to a cloud as the pipeline stores it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossjepa.data.clouds import Cloud, to_single
from crossjepa.data.normalise import UPRIGHT, surface, unit_sphere
from crossjepa.data.sample import centred, farthest_rows, sample_mesh
from crossjepa.data.usable import check_cloud, check_surface
from crossjepa.mesh.mesh import Axis, Mesh


@dataclass(frozen=True)
class Sampling:
    """How objects become clouds.

    Attributes:
        points: to sample from a mesh.
        shown: how many of them the encoder sees.
        seed: of the sampling.
        up: the axis of an object that points up; None for what a file says itself, and y where it does not.
    """

    points: int
    shown: int
    seed: int
    up: Axis | None = None


@dataclass(frozen=True, eq=False)
class UnitCloud:
    """A cloud whose first points, those that the encoder sees, are as the pipeline stores them.

    Attributes:
        points: (P, 3) float32, the first `shown` in farthest-point order; in the unit sphere, +Y up.
        matrix: (4, 4), from the object's own frame to that of the points.
    """

    points: NDArray[np.float32]
    matrix: NDArray[np.float64]


def sample(mesh: Mesh, sampling: Sampling) -> UnitCloud:
    """Sample a mesh, in the frame of its file, evenly by area.

    Raises:
        BadMesh: if its surface is not finite or has no area.
    """
    upright = _upright(sampling.up or mesh.up)
    turned = mesh.transformed(upright)
    check_surface(surface(turned))
    cloud = sample_mesh(turned, sampling.points, sampling.seed, sampling.shown)
    return UnitCloud(cloud.xyz, unit_sphere(turned) @ upright)


def thin(cloud: Cloud, sampling: Sampling) -> UnitCloud:
    """Thin a cloud, in the frame of its file, to its farthest points.

    Raises:
        BadMesh: if it has too few points, or no extent.
    """
    check_cloud(cloud)
    matrix = _upright(sampling.up)
    turned = cloud.points @ matrix[:3, :3].T
    single = to_single(turned)
    rows = farthest_rows(single, sampling.points)
    kept = turned[rows]
    centre = kept.mean(axis=0)
    radius = np.linalg.norm(kept - centre, axis=1).max()
    matrix[:3] /= radius
    matrix[:3, 3] = -centre / radius
    return UnitCloud(centred(single[rows]), matrix)


def _upright(up: Axis | None) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = UPRIGHT[up or "y"]
    return matrix
