"""Images as data URIs, which make the page a single file."""

import base64
import io

from matplotlib.figure import Figure
from PIL import Image

MAX_WIDTH = 1600  # pixels


def data_uri(image: Figure | Image.Image) -> str:
    """A figure as an SVG data URI, or an RGB image as a JPEG data URI, at most `MAX_WIDTH` wide."""
    buffer = io.BytesIO()
    if isinstance(image, Figure):
        image.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    else:
        image.thumbnail((MAX_WIDTH, image.height))
        image.save(buffer, format="JPEG", quality=85, optimize=True)
    kind = "svg+xml" if isinstance(image, Figure) else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
