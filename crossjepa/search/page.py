"""A page with the pictures of what searches found: one file that requests nothing."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from crossjepa.errors import BadMesh, UserError
from crossjepa.inference.clouds import Sampling
from crossjepa.inference.objects import find_objects
from crossjepa.search.drawing import SIZE, data_uri, draw_cloud
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
            "picture": _photo(query) if result.kind == "photo" else _object(query, sampling),
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


def _photo(path: str) -> str:
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((2 * SIZE, 2 * SIZE))
    return data_uri(picture)


def _object(path: str, sampling: Sampling) -> str | None:
    """A picture of an object; None if it cannot be read any more, or is no object."""
    try:
        (given,) = find_objects(path)
        return data_uri(draw_cloud(given.read(sampling).points))
    except (UserError, BadMesh):
        return None
