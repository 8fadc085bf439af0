"""Getting a teacher's weights: from the package, from the Hugging Face hub, or from a folder.

Weights are safetensors only: a pickle can run code. There is no fallback to another teacher.
"""

import hashlib
import json
import shutil
from pathlib import Path

from huggingface_hub import snapshot_download
from transformers import AutoConfig

from crossjepa.config import TeacherConfig
from crossjepa.errors import UserError
from crossjepa.teacher import derivative

FILES = [
    "config.json",
    "preprocessor_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "LICENSE*",
    "README.md",
]
DESCRIPTION = "teacher.json"


def fetch(settings: TeacherConfig, folder: Path) -> None:
    """Put a teacher's weights into `folder`, whole or not at all.

    Args:
        settings: which teacher, and where it lies if it is at hand.
        folder: gets `config.json`, safetensors and `teacher.json`, which says what they are.

    Raises:
        UserError: if the weights cannot be had, saying what to do.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    given = Path(settings.path) if settings.path else None
    if settings.name == derivative.NAME:
        derivative.write_derivative(given, partial)
    elif given:
        _copy(given, partial)
    else:
        _download(settings, partial)
    description = describe(settings, partial)
    folder.mkdir(parents=True, exist_ok=True)
    for file in partial.iterdir():
        shutil.move(file, folder / file.name)
    partial.rmdir()
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")


def describe(settings: TeacherConfig, folder: Path) -> dict[str, str | int | None]:
    """What lies in `folder`: name, revision, width, depth and a digest of all weights.

    Raises:
        UserError: if there are no safetensors, or no vision transformer.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        raise UserError(
            f"teacher {settings.name}: has no config.json with *.safetensors (pickles are not read); "
            "name a model or a revision that has them"
        )
    config = AutoConfig.from_pretrained(folder)
    vision = getattr(config, "vision_config", config)
    if not hasattr(vision, "patch_size") or not hasattr(vision, "num_hidden_layers"):
        raise UserError(f"teacher.name: {settings.name} is a {config.model_type}, not a vision transformer")
    digest = hashlib.sha256()
    for file in weights:
        digest.update(file.read_bytes())
    return {
        "name": settings.name,
        "revision": settings.revision,
        "hidden_size": vision.hidden_size,
        "layers": vision.num_hidden_layers,
        "sha256": digest.hexdigest(),
    }


def read_description(folder: Path) -> dict[str, str | int | None]:
    """What `fetch` wrote of the weights in `folder`."""
    described: dict[str, str | int | None] = json.loads((folder / DESCRIPTION).read_text())
    return described


def _copy(source: Path, folder: Path) -> None:
    if not source.is_dir():
        raise UserError(f"teacher.path: {source} is not a folder with config.json and *.safetensors")
    for pattern in FILES:
        for file in source.glob(pattern):
            shutil.copy2(file, folder / file.name)


def _download(settings: TeacherConfig, folder: Path) -> None:
    try:
        snapshot_download(settings.name, revision=settings.revision, allow_patterns=FILES, local_dir=folder)
    except Exception as error:  # the hub's many errors have one remedy
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"teacher.name: '{settings.name}' could not be had from the Hugging Face hub ({reason}); check "
            "the name and the network, or put config.json and model.safetensors into a folder and set "
            "teacher.path to it"
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
