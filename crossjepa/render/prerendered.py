"""Views that a data set comes with, in the place of rendered ones."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.data.dataset import BadMesh, ViewFile
from crossjepa.render.settings import RenderSettings


def read_views(
    files: Sequence[ViewFile], settings: RenderSettings
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]:
    """Take `settings.views` of an object's views, evenly spread over those that there are.

    Args:
        files: all of them.
        settings: `views` and `image_size` are used.

    Returns:
        The (V, S, S, 3) uint8 sRGB views on white, resized by Lanczos' filter; the (V, S, S) bool foreground,
        where the object covers more than half a pixel; and the (V, 6) float32 poses (see `cameras`).

    Raises:
        BadMesh: if there are fewer, or one cannot be read, is not square, or tells nothing transparent.
    """
    if len(files) < settings.views:
        raise BadMesh(f"{len(files)} views, fewer than render.views = {settings.views}")
    chosen = [files[i * len(files) // settings.views] for i in range(settings.views)]
    pictures = [_read(file.image) for file in chosen]
    side = (settings.image_size, settings.image_size)
    views = [np.asarray(_on_white(picture).resize(side, Image.Resampling.LANCZOS)) for picture in pictures]
    cover = [np.asarray(p.getchannel("A").resize(side, Image.Resampling.LANCZOS)) > 127 for p in pictures]
    return np.stack(views), np.stack(cover), np.stack([pose(file) for file in chosen])


def pose(file: ViewFile) -> NDArray[np.float32]:
    """The (6,) float32 pose of a view's camera.

    `roll` turns the camera about the axis from the object to it by the right-hand rule, and so its up vector.
    """
    toward = np.array(
        [
            np.cos(file.elevation) * np.sin(file.azimuth),
            np.sin(file.elevation),
            np.cos(file.elevation) * np.cos(file.azimuth),
        ]
    )
    up = np.array([0.0, 1.0, 0.0])
    turned = (  # Rodrigues' formula
        up * np.cos(file.roll)
        + np.cross(toward, up) * np.sin(file.roll)
        + toward * (toward @ up) * (1 - np.cos(file.roll))
    )
    return np.array([file.azimuth, file.elevation, file.distance, *turned], dtype=np.float32)


def _read(image: bytes) -> Image.Image:
    """A view as RGBA."""
    try:
        picture = Image.open(io.BytesIO(image))
        picture.load()
    except (OSError, ValueError, SyntaxError) as error:  # Pillow calls a broken PNG a syntax error
        raise BadMesh(f"a view cannot be read: {error}") from error
    if not picture.has_transparency_data:
        raise BadMesh("a view without transparency, which should tell the object from what is behind it")
    if picture.width != picture.height:
        raise BadMesh(f"a view of {picture.width} x {picture.height} pixels; views must be square")
    return picture.convert("RGBA")


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
