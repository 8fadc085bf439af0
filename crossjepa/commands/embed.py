"""`crossjepa embed`"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from crossjepa.commands.encoding import AsJson, EncoderName, Paths, UpAxis, tell, tell_json
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.vectors import check_format, write_vectors


def embed(
    paths: Paths,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .parquet, .csv or .npz to write.")],
    encoder: EncoderName = None,
    features: Annotated[
        Literal["tokens", "imagined", "both"], typer.Option(help="Which feature to write.")
    ] = "tokens",
    up: UpAxis = None,
    as_json: AsJson = False,
) -> None:
    """Write a vector for each mesh or point cloud; list those that cannot be read, with the reasons."""
    check_format(output)
    encoded = Encoder.load(encoder).encode(paths, features=features, up=up, progress=True, errors="skip")
    good = encoded.readable()
    names, vectors = [encoded.names[row] for row in good], encoded.values[good]
    write_vectors(output, _ids(names, paths), names, vectors)
    if as_json:
        done = {"output": str(output), "vectors": len(good), "width": vectors.shape[1]}
        tell_json(done, encoded.reasons, paths)
    else:
        tell(f"{output}: {len(good)} vectors of {vectors.shape[1]} numbers", encoded.reasons, paths)


def _ids(names: list[str], given: list[Path]) -> list[str]:
    """The files' paths below the folders that were given; whole paths where two would be the same."""
    short = [_id(name, given) for name in names]
    count = Counter(short)
    return [each if count[each] == 1 else name for each, name in zip(short, names, strict=True)]


def _id(name: str, given: list[Path]) -> str:
    """A file's path below the folder that was given; its name if it was given itself."""
    folders = [path for path in given if path.is_dir() and Path(name).is_relative_to(path)]
    return Path(name).relative_to(folders[0]).as_posix() if folders else Path(name).name
