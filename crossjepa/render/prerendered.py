"""Views that a data set contains, used instead of rendered ones."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from crossjepa.data.dataset import ViewFile
from crossjepa.errors import BadMesh
from crossjepa.render.cameras import direction
from crossjepa.render.settings import RenderSettings

# Views, foreground and poses of one object.
Views = tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]


def read_views(files: Sequence[ViewFile], settings: RenderSettings) -> Views:
    """Read `settings.views` of an object's views, evenly spread over all of them.

    Args:
        files: all views of the object.
        settings: `views` and `image_size` are used.

    Returns:
        The (V, S, S, 3) uint8 sRGB views on white, resized with Lanczos' filter; the (V, S, S) bool
        foreground, where the object covers more than half a pixel; and the (V, 6) float32 poses (see
        `cameras`).

    Raises:
        BadMesh: if there are too few, or one is not a readable, square picture with transparency.
    """
    if len(files) < settings.views:
        raise BadMesh(f"{len(files)} views, fewer than render.views = {settings.views}")
    chosen = [files[i * len(files) // settings.views] for i in range(settings.views)]
    side = (settings.image_size, settings.image_size)
    views, foreground = [], []
    for picture in (_read(file.image) for file in chosen):
        on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        views.append(np.asarray(on_white.resize(side, Image.Resampling.LANCZOS)))
        cover = picture.getchannel("A").resize(side, Image.Resampling.LANCZOS)
        foreground.append(np.asarray(cover) > 127)
    return np.stack(views), np.stack(foreground), np.stack([pose(file) for file in chosen])


def pose(file: ViewFile) -> NDArray[np.float32]:
    """The (6,) float32 pose of a view's camera.

    `roll` turns the camera, and so its up vector, about the axis from object to camera (right-hand rule).
    """
    roll = Rotation.from_rotvec(file.roll * direction(file.azimuth, file.elevation))
    up = roll.apply([0.0, 1.0, 0.0])
    return np.array([file.azimuth, file.elevation, file.distance, *up], dtype=np.float32)


def _read(image: bytes) -> Image.Image:
    """A view as RGBA."""
    try:
        picture = Image.open(io.BytesIO(image))
        picture.load()
    except (OSError, ValueError, SyntaxError) as error:  # Pillow calls a broken PNG a syntax error
        raise BadMesh(f"a view cannot be read: {error}") from error
    if not picture.has_transparency_data:
        raise BadMesh("a view without transparency, which is needed to tell the object from the background")
    if picture.width != picture.height:
        raise BadMesh(f"a view of {picture.width} x {picture.height} pixels; views must be square")
    return picture.convert("RGBA")
