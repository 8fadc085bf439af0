"""The files that a mesh refers to: buffers, libraries of materials and images."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.errors import BadMesh

MOST_PIXELS = 64_000_000  # of one image; a larger one is reduced while it is decoded, or refused


class Resources:
    """Reads what a mesh refers to, and notes what is missing.

    Args:
        read: gives the bytes of a file from its name as it stands in the mesh.

    Attributes:
        warnings: one line for each image that could not be had.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self.warnings: list[str] = []

    def read(self, name: str) -> bytes:
        """The bytes of a file without which the mesh is not whole.

        Raises:
            BadMesh: if it cannot be found or read.
        """
        try:
            return self._read(name)
        except OSError as error:
            raise BadMesh(f"{name}: cannot be read ({error})") from error

    def image(self, name: str) -> NDArray[np.uint8] | None:
        """An image file as (H, W, 4) uint8 sRGB, or None, with a warning, if it cannot be had."""
        try:
            return self.decode(self._read(name), name)
        except (OSError, BadMesh):
            self.warnings.append(f"texture {name} is missing")
            return None

    def decode(self, data: bytes, name: str) -> NDArray[np.uint8] | None:
        """Decode an image, to (H, W, 4) uint8 sRGB; None, with a warning, if it is damaged or of an unknown
        format."""
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > MOST_PIXELS:
                    self.warnings.append(
                        f"texture {name} has {image.width} x {image.height} pixels: too many"
                    )
                    return None
                return np.asarray(image.convert("RGBA"))
        except Exception as error:  # Pillow's decoders raise all kinds of errors
            self.warnings.append(f"texture {name} cannot be decoded ({type(error).__name__}: {error})")
            return None
