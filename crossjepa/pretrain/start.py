"""Where `pretrain.start_from` finds the encoder that training starts from.

Needs neither torch nor pandas, since the workflow imports it in the user's own environment.
"""

from pathlib import Path

from crossjepa.errors import UserError
from crossjepa.files import sha256_file
from crossjepa.hub import download, is_model_name

FILE = "encoder.safetensors"


def check_start(given: str | None) -> None:
    """Check that an encoder's file exists, or that it may be the name of a model of the Hugging Face hub.

    Raises:
        UserError: if it is neither.
    """
    if given and not Path(given).is_file() and not is_model_name(given):
        raise UserError(
            f"pretrain.start_from: {given} is no file; give an {FILE}, or owner/name of a model of the hub"
        )


def start_digest(given: str | None) -> str:
    """SHA-256 of an encoder's file; empty for a model of the hub, which is looked up when training starts."""
    return sha256_file(Path(given)) if given and Path(given).is_file() else ""


def find_start(given: str) -> Path:
    """The encoder's file: the given one, or downloaded from the hub through its cache.

    Raises:
        UserError: if it does not exist or cannot be downloaded.
    """
    check_start(given)
    if Path(given).is_file():
        return Path(given)
    try:
        return download(given, FILE)
    except UserError as error:
        raise UserError(f"pretrain.start_from: {error}") from error
