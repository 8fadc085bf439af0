"""`crossjepa index`"""

from pathlib import Path
from typing import Annotated

import typer

from crossjepa.commands.encoding import AsJson, EncoderName, Paths, UpAxis, tell, tell_json
from crossjepa.inference.encoder import Encoder
from crossjepa.search.index import build_index, write_index


def index(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The index to write.")],
    encoder: EncoderName = None,
    up: UpAxis = None,
    as_json: AsJson = False,
) -> None:
    """Write the vectors of meshes and point clouds into an index, for `crossjepa search`."""
    made, reasons = build_index(Encoder.load(encoder), paths, up, encoder)
    write_index(made, output)
    if as_json:
        tell_json({"output": str(output), "objects": len(made.paths)}, reasons, paths)
    else:
        tell(f"{output}: {len(made.paths)} objects", reasons, paths)
