"""Files of models on the Hugging Face hub."""

import re
from pathlib import Path

from crossjepa.errors import UserError


def is_model_name(given: str) -> bool:
    """Whether a text has the form owner/name of a model of the hub."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", given) is not None and not given.endswith(".safetensors")


def download(name: str, file: str) -> Path:
    """A file of a model, through the hub's cache.

    Args:
        name: owner/name of the model.
        file: the file's name.

    Raises:
        UserError: if it cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(name, file))
    except Exception as error:  # the hub raises many kinds of errors, with the same remedy
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{name}: its {file} could not be downloaded ({reason}); download it where the hub can be "
            "reached, and give that file"
        ) from error
