"""`crossjepa search`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.encoding import AsJson, EncoderName, UpAxis
from crossjepa.files import printable, write_text
from crossjepa.inference.encoder import Encoder
from crossjepa.search.index import read_index
from crossjepa.search.page import render_page
from crossjepa.search.search import search as search_index


def search(
    index: Annotated[Path, typer.Argument(help="What `crossjepa index` wrote.")],
    query: Annotated[str, typer.Argument(help="A mesh, a cloud or a photo; with a CLIP teacher words, too.")],
    count: Annotated[int, typer.Option("-k", min=1, help="How many objects to find.")] = 10,
    html: Annotated[Path | None, typer.Option(help="A page with pictures to write as well.")] = None,
    encoder: EncoderName = None,
    up: UpAxis = None,
    as_json: AsJson = False,
) -> None:
    """Find the objects of an index that are most like a mesh, a point cloud, a photo or words.

    The object in a photo is cut out first, so its background need not be white. Photos and words are read by
    the teacher that the encoder learned from; words need a CLIP teacher, which the shipped encoder has not.
    """
    known = read_index(index)
    loaded = Encoder.load(encoder or known.encoder)
    known.check(loaded, index)
    found = search_index(known, loaded, query, count, up)
    if html:
        title = f"Most like {Path(query).name}"
        write_text(html, render_page(title, {query: found}, loaded.sampling(known.up)))
    if as_json:
        hits = [hit._asdict() for hit in found.hits]
        typer.echo(json.dumps({"query": query, "kind": found.kind, "measure": found.measure, "hits": hits}))
        return
    typer.echo(f"{'':>4} {found.measure:>17}  object")
    for rank, hit in enumerate(found.hits, 1):
        typer.echo(f"{rank:>4} {hit.score:>17.3f}  {printable(hit.path)}")
    if html:
        typer.echo(f"{html}: the same with pictures")
