"""What makes a mesh or a cloud unusable, whatever it is used for."""

from typing import TYPE_CHECKING

import numpy as np

from crossjepa.data.clouds import Cloud
from crossjepa.errors import BadMesh

if TYPE_CHECKING:
    import trimesh

MIN_POINTS = 32  # fewer say little about a shape


def check_surface(whole: "trimesh.Trimesh") -> None:
    """Check that a surface can be sampled.

    Raises:
        BadMesh: if corners of its triangles are not finite, or it has no area.
    """
    if not np.isfinite(whole.triangles).all():  # other vertices do not matter; depth images have such
        raise BadMesh("vertices that are not finite")
    if not whole.area > 1e-12 * np.square(whole.extents).sum():
        raise BadMesh("no surface area")


def check_cloud(cloud: Cloud) -> None:
    """Check that a cloud shows a shape.

    Raises:
        BadMesh: if it has too few points, or no extent.
    """
    if (number := len(cloud.points)) < MIN_POINTS:
        rows = f"; {cloud.warning}" if cloud.dropped else ""
        raise BadMesh(f"{number} points, fewer than {MIN_POINTS}{rows}")
    if not np.ptp(cloud.points, axis=0).max() > 0:
        raise BadMesh("all points are the same")
