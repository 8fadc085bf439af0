"""Where `pretrain.start_from` finds the encoder that training starts from.

Needs neither torch nor pandas, since the workflow imports it in the user's own environment.
"""

import re
from pathlib import Path

from crossjepa.errors import UserError
from crossjepa.files import sha256_file

FILE = "encoder.safetensors"


def check_start(given: str | None) -> None:
    """Check that an encoder's file exists, or that it may be the name of a model of the Hugging Face hub.

    Raises:
        UserError: if it is neither.
    """
    if given and not Path(given).is_file() and not _may_be_a_model(given):
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
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(given, FILE))
    except Exception as error:  # the hub raises many kinds of errors, with the same remedy
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"pretrain.start_from: {given} could not be downloaded ({reason}); download its {FILE} where the "
            "hub can be reached, and set pretrain.start_from to that file"
        ) from error


def _may_be_a_model(given: str) -> bool:
    return re.fullmatch(r"[\w.-]+/[\w.-]+", given) is not None and not given.endswith(".safetensors")
