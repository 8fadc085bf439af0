"""Where the cameras stand.

A pose is [azimuth, elevation, distance, up_x, up_y, up_z] in radians and units of the unit sphere. Its
camera stands at distance * (cos(el) sin(az), sin(el), cos(el) cos(az)) in the object's right-handed, +Y up
frame and looks at the origin. Turning the object about +Y by t is the same as adding t to its azimuth.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from crossjepa.render.settings import RenderSettings

MARGIN = 1.02  # keeps the unit sphere's outline a pixel or two off the border


def camera_distance(field_of_view: float) -> float:
    """Distance at which the unit sphere, and a small margin, just fits a field of view in degrees.

    The cone that touches the unit sphere has a half-angle of arcsin(1 / distance).
    """
    return MARGIN / float(np.sin(np.radians(field_of_view) / 2))


def place_cameras(settings: RenderSettings, object_id: str) -> NDArray[np.float32]:
    """The poses of one object's views.

    Args:
        settings: `layout`, `views`, `elevation`, `field_of_view` and `seed` are used.
        object_id: makes the `random` layout differ from object to object; the others ignore it.

    Returns:
        (V, 6) float32 poses with up = +Y.
    """
    if settings.layout == "ring":
        azimuth = np.arange(settings.views) * 2 * np.pi / settings.views
        elevation = np.full(settings.views, np.radians(settings.elevation))
    elif settings.layout == "fibonacci":
        azimuth, elevation = _fibonacci(settings.views)
    else:
        azimuth, elevation = _random(settings.views, settings.seed, object_id)
    distance = np.full(settings.views, camera_distance(settings.field_of_view))
    up = np.tile([0.0, 1.0, 0.0], (settings.views, 1))
    return np.column_stack([azimuth, elevation, distance, up]).astype(np.float32)


def camera_to_world(pose: NDArray[np.float32]) -> NDArray[np.float64]:
    """The (4, 4) rigid transform from a (6,) pose's camera frame, which looks along -Z with +Y up as in
    OpenGL, to the object's frame."""
    azimuth, elevation, distance = pose[:3].astype(np.float64)
    backward = np.array(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)]
    )
    right = np.cross(pose[3:].astype(np.float64), backward)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([right, np.cross(backward, right), backward])
    matrix[:3, 3] = distance * backward
    return matrix


def _fibonacci(views: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nearly even directions on the sphere, never at a pole (Swinbank & Purser 2006, doi:10.1256/qj.05.227):
    equal steps of height, golden-angle steps of azimuth."""
    steps = np.arange(views)
    golden_angle = np.pi * (3 - np.sqrt(5))
    return (steps * golden_angle) % (2 * np.pi), np.arcsin(1 - (2 * steps + 1) / views)


def _random(views: int, seed: int, object_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions drawn uniformly from the sphere (Archimedes: its heights are uniform)."""
    mark = int.from_bytes(hashlib.sha256(object_id.encode()).digest()[:8], "little")
    draw = np.random.default_rng([seed, mark])
    return draw.uniform(0, 2 * np.pi, views), np.arcsin(draw.uniform(-1, 1, views))
