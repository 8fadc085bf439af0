"""Where the files of a trained encoder lie: a file, a folder of results, the package, or the hub."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from crossjepa.errors import UserError
from crossjepa.hub import MissingFile, download, is_model_name

ENCODER, PREDICTOR = "encoder.safetensors", "predictor.safetensors"


class Weights(NamedTuple):
    """The files of a trained encoder.

    Attributes:
        encoder: the encoder's file.
        predictor: its predictor's, if there is one.
        folder: the folder that was given, or that holds the given file; results and the teacher are looked
            for there. None for the hub.
    """

    encoder: Path
    predictor: Path | None
    folder: Path | None


def find_weights(given: str | Path | None) -> Weights:
    """The files of an encoder.

    Args:
        given: an encoder's file; a folder that holds one, or the folder of a run's results, whose first seed
            is taken; owner/name of a model of the hub; or None for the encoder that the package ships.

    Raises:
        UserError: if there is none.
    """
    path = Path(str(files("crossjepa") / "weights")) if given is None else Path(given)
    if path.is_dir():
        file = _in_folder(path)
    elif path.is_file():
        file = path
    elif is_model_name(str(given)):
        return from_hub(str(given))
    else:
        raise UserError(f"{given}: no such file or folder, nor owner/name of a model of the hub")
    predictor = file.with_name(PREDICTOR)
    return Weights(file, predictor if predictor.is_file() else None, path if path.is_dir() else path.parent)


def from_hub(name: str, **options: Any) -> Weights:
    """The files of owner/name of the hub; for the options and errors see `hub.download`."""
    encoder = download(name, ENCODER, **options)
    try:
        return Weights(encoder, download(name, PREDICTOR, **options), None)
    except MissingFile:
        return Weights(encoder, None, None)


def _in_folder(folder: Path) -> Path:
    seeds = [path.parent for path in folder.glob(f"encoders/trained/*/{ENCODER}")]
    for place in (folder, *sorted(seeds, key=lambda path: int(re.sub(r"\D", "", path.name) or 0))):
        if (place / ENCODER).is_file():
            return place / ENCODER
    raise UserError(f"{folder}: neither it nor encoders/trained/<seed>/ in it holds {ENCODER}; pretrain one")
