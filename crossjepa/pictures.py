"""Pictures inside an HTML page, so that the page is a single file."""

import base64
import io
from typing import Literal

from PIL import Image

MAX_WIDTH = 1600  # pixels
QUALITY = {"JPEG": 85, "WEBP": 75}


def picture_uri(picture: Image.Image, format: Literal["JPEG", "WEBP"]) -> str:
    """An RGB picture as a data URI, made at most `MAX_WIDTH` wide."""
    picture.thumbnail((MAX_WIDTH, picture.height))
    buffer = io.BytesIO()
    picture.save(buffer, format, quality=QUALITY[format], optimize=True)
    return data_uri(format.lower(), buffer.getvalue())


def data_uri(kind: str, data: bytes) -> str:
    """The data of an image as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
