"""Pictures as text, so that the page needs no other file."""

import base64
import io
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

MAX_SHEET_WIDTH = 1600


def figure_uri(figure: Figure) -> str:
    """A matplotlib figure as an SVG data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return _uri(buffer.getvalue(), "image/svg+xml")


def pixels_uri(pixels: NDArray[Any]) -> str:
    """An (H, W, 3) uint8 image as a JPEG data URI."""
    return _jpeg(Image.fromarray(pixels))


def file_uri(path: Path) -> str:
    """A picture file as a JPEG data URI, no wider than a screen."""
    image = Image.open(path).convert("RGB")
    if image.width > MAX_SHEET_WIDTH:
        image = image.resize((MAX_SHEET_WIDTH, image.height * MAX_SHEET_WIDTH // image.width))
    return _jpeg(image)


def _jpeg(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=85, optimize=True)
    return _uri(buffer.getvalue(), "image/jpeg")


def _uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
