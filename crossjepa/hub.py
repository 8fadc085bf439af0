"""Files of models and data sets on the Hugging Face hub."""

import re
from pathlib import Path
from typing import Any

from crossjepa.errors import UserError

ELSEWHERE = "download it where the hub can be reached, and give that file"


class MissingFile(UserError):
    """A model or a data set of the hub lacks a file."""


def is_model_name(given: str) -> bool:
    """Whether a text has the form owner/name of a model of the hub."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", given) is not None and not given.endswith(".safetensors")


def download(name: str, file: str, remedy: str = ELSEWHERE, **options: Any) -> Path:
    """A file of a model or a data set, through the hub's cache.

    Args:
        name: owner/name.
        file: the file's name.
        remedy: what to do if it cannot be downloaded.
        options: of `huggingface_hub.hf_hub_download`, such as `revision`.

    Raises:
        MissingFile: if it has no such file.
        UserError: if it cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    try:
        return Path(hf_hub_download(name, file, **options))
    except RemoteEntryNotFoundError as error:
        raise MissingFile(f"{name} has no {file} on the hub; name another") from error
    except Exception as error:  # the hub raises many kinds of errors, with the same remedy
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{name}: its {file} could not be downloaded ({reason}); {remedy}") from error
