"""`crossjepa demo`"""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from crossjepa.files import write_text
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.vectors import write_vectors
from crossjepa.search.page import render_page
from crossjepa.search.search import Found, Hit

NEIGHBOURS = 3


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the vectors and the page.")
    ] = Path("crossjepa-demo"),
) -> None:
    """Encode twelve meshes that come with the package, and show which are most alike.

    Writes vectors.csv and neighbours.html. Nothing is downloaded.
    """
    encoder = Encoder.load()
    with as_file(files("crossjepa") / "demo") as folder:
        paths = sorted(map(str, Path(folder).iterdir()))
        vectors = encoder.encode(paths, progress=True)
        write_vectors(output / "vectors.csv", [Path(path).name for path in paths], paths, vectors)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        alike = unit @ unit.T
        np.fill_diagonal(alike, -np.inf)
        found = {}
        for query, scores in zip(paths, alike, strict=True):
            rows = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
            hits = [Hit(paths[row], float(scores[row])) for row in rows]
            found[query] = Found("object", "cosine similarity", hits)
            nearest = ", ".join(Path(hit.path).stem for hit in hits)
            typer.echo(f"{Path(query).stem:>10} is most like {nearest}")
        page = output / "neighbours.html"
        write_text(page, render_page("Which meshes are alike", found, encoder.sampling(None)))
    typer.echo(f"{output / 'vectors.csv'}: {len(paths)} vectors of {vectors.shape[1]} numbers")
    typer.echo(f"{page}: open it in a browser ({page.absolute().as_uri()})")
