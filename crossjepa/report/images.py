"""Images as data URIs, so that the page is a single file."""

import base64
import io
from typing import Literal

from matplotlib.figure import Figure
from PIL import Image

MAX_WIDTH = 1600  # pixels
QUALITY = {"JPEG": 85, "WEBP": 75}


def figure_uri(figure: Figure) -> str:
    """A figure as SVG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return _uri("svg+xml", buffer)


def picture_uri(picture: Image.Image, format: Literal["JPEG", "WEBP"]) -> str:
    """An RGB picture, made at most `MAX_WIDTH` wide."""
    picture.thumbnail((MAX_WIDTH, picture.height))
    buffer = io.BytesIO()
    picture.save(buffer, format, quality=QUALITY[format], optimize=True)
    return _uri(format.lower(), buffer)


def _uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
