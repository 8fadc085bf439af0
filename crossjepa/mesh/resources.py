"""The files that a mesh refers to: buffers, libraries of materials and images."""

import io
from collections.abc import Callable
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from crossjepa.errors import BadMesh

LARGEST = 4096  # pixels along a side; views are much smaller, so that a larger texture only costs memory


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
        format. Large ones are reduced."""
        try:
            with catch_warnings():
                simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(data)) as image:
                    image.draft("RGB", (LARGEST, LARGEST))
                    return np.array(_to_rgba(_reduced(image)))
        except UnidentifiedImageError:
            self.warnings.append(f"texture {name} is not an image that Pillow knows")
        except Exception as error:  # Pillow's decoders raise all kinds of errors
            self.warnings.append(f"texture {name} cannot be decoded ({error})")
        return None


def _reduced(image: Image.Image) -> Image.Image:
    """An image of `LARGEST` pixels at most; before it is converted, which would take longer."""
    factor = -(-max(image.size) // LARGEST)
    if factor == 1:
        return image
    plain = {"1": "L", "P": "RGBA", "PA": "RGBA"}.get(image.mode, image.mode)
    return (image if plain == image.mode else image.convert(plain)).reduce(factor)


def _to_rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGBA")
    return image.convert("RGB" if image.mode in ("CMYK", "YCbCr", "LAB", "HSV") else "RGBA").convert("RGBA")
