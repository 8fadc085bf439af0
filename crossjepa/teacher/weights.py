"""Getting a teacher's weights: from the package, from the Hugging Face hub, or from a folder.

Weights are safetensors only: a pickle can run code. There is no fallback to another teacher.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from transformers import AutoConfig

from crossjepa.errors import UserError
from crossjepa.store.sharded import write_json
from crossjepa.teacher import derivative
from crossjepa.teacher.settings import TeacherSettings

FILES = [
    "config.json",
    "preprocessor_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "LICENSE*",
    "README.md",
]
DESCRIPTION = "teacher.json"
NOTICE = """Weights of {name}, unchanged. Their licence is the one that their authors state: see LICENSE or
README.md in this folder, or the place where the model was got.
"""


def fetch(settings: TeacherSettings, folder: Path) -> None:
    """Put a teacher's weights into `folder`, whole or not at all.

    Args:
        settings: which teacher, and where it lies if it is at hand.
        folder: gets `config.json`, `preprocessor_config.json`, safetensors, `NOTICE` and `teacher.json`,
            which says what they are.

    Raises:
        UserError: if the weights cannot be had, saying what to do.
    """
    given = Path(settings.path) if settings.path else None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
        partial = Path(work) / "weights"
        partial.mkdir()
        if settings.name == derivative.NAME:
            derivative.write_derivative(given, partial)
        else:
            if given:
                _copy(given, partial)
            else:
                _download(settings, partial)
            (partial / "NOTICE").write_text(NOTICE.format(name=settings.name))
        write_json(partial / DESCRIPTION, describe(settings, partial))
        _install(partial, folder)


def describe(settings: TeacherSettings, folder: Path) -> dict[str, Any]:
    """What lies in `folder`: name, revision, width, depth and a digest of all weights.

    Raises:
        UserError: if there are no safetensors, no image normalisation, or no vision transformer.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        raise UserError(
            f"teacher {settings.name}: has no config.json with *.safetensors (pickles are not read); "
            "name a model or a revision that has them"
        )
    read_normalisation(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"teacher.name: transformers cannot read the config.json of {settings.name} ({reason}); name a "
            "model that transformers knows"
        ) from error
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


def read_description(folder: Path) -> dict[str, Any]:
    """What `fetch` wrote of the weights in `folder`."""
    described: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
    return described


def read_normalisation(folder: Path) -> tuple[list[float], list[float]]:
    """Mean and standard deviation, of 3 channels on a scale of 0..1, that the model's images are brought to.

    Raises:
        UserError: if the model does not say. Another model's numbers would only seem to work.
    """
    file = folder / "preprocessor_config.json"
    said = json.loads(file.read_text()) if file.is_file() else {}
    if not said.get("image_mean") or not said.get("image_std"):
        raise UserError(
            "teacher: no preprocessor_config.json with image_mean and image_std beside the weights; save the "
            "model's image processor there"
        )
    return said["image_mean"], said["image_std"]


def _install(partial: Path, folder: Path) -> None:
    """Move files over: `teacher.json` goes first and comes last, so that a folder with one is whole."""
    folder.mkdir(exist_ok=True)
    for pattern in (DESCRIPTION, "*.safetensors", "*.safetensors.index.json"):
        for old in folder.glob(pattern):
            old.unlink()
    for file in sorted(partial.iterdir(), key=lambda file: file.name == DESCRIPTION):
        shutil.move(file, folder / file.name)


def _copy(source: Path, folder: Path) -> None:
    if not source.is_dir():
        raise UserError(f"teacher.path: {source} is not a folder with config.json and *.safetensors")
    for pattern in FILES:
        for file in source.glob(pattern):
            shutil.copy2(file, folder / file.name)


def _download(settings: TeacherSettings, folder: Path) -> None:
    try:
        snapshot_download(settings.name, revision=settings.revision, allow_patterns=FILES, local_dir=folder)
    except Exception as error:  # the hub's many errors have one remedy
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"teacher.name: '{settings.name}' could not be had from the Hugging Face hub ({reason}); check "
            "the name and the network, or put config.json, preprocessor_config.json and model.safetensors "
            "into a folder and set teacher.path to it"
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
