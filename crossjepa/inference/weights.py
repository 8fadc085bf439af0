"""Where the files of a trained encoder lie: a file, a folder of results, or the Hugging Face hub."""

import re
from pathlib import Path

from crossjepa.errors import UserError
from crossjepa.hub import download, is_model_name

ENCODER, PREDICTOR = "encoder.safetensors", "predictor.safetensors"


def find_weights(given: str | Path) -> tuple[Path, Path | None]:
    """The file of an encoder and that of its predictor, if it lies beside it.

    Args:
        given: an encoder's file; a folder that holds one, or the folder of a run's results, whose first seed
            is taken; or owner/name of a model of the hub.

    Raises:
        UserError: if there is none.
    """
    path = Path(given)
    if path.is_dir():
        file = _in_folder(path)
    elif path.is_file():
        file = path
    elif is_model_name(str(given)):
        return download(str(given), ENCODER), download(str(given), PREDICTOR)
    else:
        raise UserError(f"{given}: no such file or folder, nor owner/name of a model of the hub")
    predictor = file.with_name(PREDICTOR)
    return file, predictor if predictor.is_file() else None


def _in_folder(folder: Path) -> Path:
    seeds = [path.parent for path in folder.glob(f"encoders/trained/*/{ENCODER}")]
    for place in (folder, *sorted(seeds, key=lambda path: int(re.sub(r"\D", "", path.name) or 0))):
        if (place / ENCODER).is_file():
            return place / ENCODER
    raise UserError(f"{folder}: neither it nor encoders/trained/<seed>/ in it holds {ENCODER}; pretrain one")
