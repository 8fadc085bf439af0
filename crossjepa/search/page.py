"""A page with the pictures of what searches found: one file that requests nothing."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from crossjepa.errors import BadMesh
from crossjepa.inference.clouds import Sampling
from crossjepa.inference.objects import find_objects
from crossjepa.pictures import picture_uri
from crossjepa.search.drawing import draw_cloud
from crossjepa.search.search import Found


def render_page(title: str, found: Mapping[str, Found], sampling: Sampling) -> str:
    """The page as HTML.

    Args:
        title: of the page.
        found: what was found, by query.
        sampling: how objects become the clouds that are drawn.
    """
    rows = [
        {
            "query": Path(query).name if result.kind != "words" else query,
            "picture": _picture(query, result, sampling),
            "measure": result.measure,
            "hits": [
                {
                    "name": Path(hit.path).name,
                    "path": hit.path,
                    "score": f"{hit.score:.3f}",
                    "picture": _object(hit.path, sampling),
                }
                for hit in result.hits
            ],
        }
        for query, result in found.items()
    ]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("crossjepa.search").joinpath("page.html").read_text("utf-8"))
    return template.render(title=title, rows=rows)


def _picture(query: str, found: Found, sampling: Sampling) -> str | None:
    """A picture of the query: an object, or what was cut out of a photo; words have none."""
    if found.view is not None:
        return picture_uri(Image.fromarray(found.view), "WEBP")
    return _object(query, sampling) if found.kind == "object" else None


def _object(path: str, sampling: Sampling) -> str | None:
    """A picture of an object; None if it is not there any more, or cannot be read."""
    if not Path(path).is_file():
        return None
    try:
        (given,) = find_objects(path)
        return picture_uri(draw_cloud(given.read(sampling).points), "WEBP")
    except BadMesh:
        return None
