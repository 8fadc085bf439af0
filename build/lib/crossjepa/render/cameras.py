"""Where the cameras stand.

A pose is [azimuth, elevation, distance, up_x, up_y, up_z] in radians and units of the unit sphere. Its camera
stands at distance * (cos(el) sin(az), sin(el), cos(el) cos(az)) in the object's right-handed, +Y up frame and
looks at the origin. Turning the object about +Y by t is the same as adding t to its azimuth.
"""

import numpy as np
from numpy.typing import NDArray

from crossjepa.render.settings import RenderSettings

MARGIN = 1.02  # keeps the unit sphere's outline a pixel or two off the border


def camera_distance(field_of_view: float) -> float:
    """Distance at which the unit sphere, and a small margin, just fits a field of view in degrees.

    The cone that touches the unit sphere has a half-angle of arcsin(1 / distance).
    """
    return MARGIN / float(np.sin(np.radians(field_of_view) / 2))


def place_cameras(settings: RenderSettings) -> NDArray[np.float32]:
    """The poses of every object's views: (V, 6) float32 with up = +Y.

    The Fibonacci layout spreads directions nearly evenly over the sphere, never at a pole (Swinbank & Purser
    2006, doi:10.1256/qj.05.227): equal steps of height, golden-angle steps of azimuth.
    """
    steps = np.arange(settings.views)
    if settings.layout == "ring":
        azimuth = steps * 2 * np.pi / settings.views
        elevation = np.full(settings.views, np.radians(settings.elevation))
    else:
        azimuth = (steps * (np.pi * (3 - np.sqrt(5)))) % (2 * np.pi)
        elevation = np.arcsin(1 - (2 * steps + 1) / settings.views)
    distance = np.full(settings.views, camera_distance(settings.field_of_view))
    up = np.tile([0.0, 1.0, 0.0], (settings.views, 1))
    return np.column_stack([azimuth, elevation, distance, up]).astype(np.float32)


def direction(azimuth: float, elevation: float) -> NDArray[np.float64]:
    """(3,) unit vector from the origin to a camera."""
    flat = np.cos(elevation)
    return np.array([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)])


def camera_to_world(pose: NDArray[np.float32]) -> NDArray[np.float64]:
    """The (4, 4) rigid transform from a (6,) pose's camera frame, which looks along -Z with +Y up as in
    OpenGL, to the object's frame."""
    azimuth, elevation, distance = pose[:3].astype(np.float64)
    backward = direction(azimuth, elevation)
    right = np.cross(pose[3:].astype(np.float64), backward)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([right, np.cross(backward, right), backward])
    matrix[:3, 3] = distance * backward
    return matrix
