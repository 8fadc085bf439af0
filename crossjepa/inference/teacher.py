"""The teacher that an encoder learned from: it looks at photos, and may know words."""

import sys
from pathlib import Path
from typing import Any

from huggingface_hub.constants import HF_HOME

from crossjepa.errors import UserError
from crossjepa.teacher.description import DESCRIPTION, read_description
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.teacher.weights import fetch


def find_teacher(provenance: dict[str, Any], near: Path | None) -> tuple[Path, TeacherSettings]:
    """The folder of the teacher's weights, and its settings.

    They are taken from the run's own `weights/`, or fetched once into the cache of the Hugging Face hub's
    client (`HF_HOME`).

    Args:
        provenance: of the encoder.
        near: the folder that the encoder was loaded from.

    Raises:
        UserError: if the teacher is unknown, cannot be had, or is not the same any more.
    """
    if "teacher" not in provenance:
        raise UserError("the encoder does not say which teacher it learned from; pretrain it again")
    described = provenance["teacher"]
    names = TeacherSettings.model_fields.keys() & described.keys()
    settings = TeacherSettings(**{name: described[name] for name in names})
    digest = described["sha256"]
    for place in (near, *near.absolute().parents[:4]) if near else ():  # encoders lie 3 or 4 folders deep
        for file in sorted(place.glob(f"weights/*/{DESCRIPTION}")):
            if read_description(file.parent)["sha256"] == digest:
                return file.parent, settings
    folder = Path(HF_HOME) / "crossjepa" / f"{settings.name.replace('/', '--')}-{digest[:10]}"
    if not (folder / DESCRIPTION).is_file():
        print(f"fetch the teacher, {settings.name}, once, into {folder}", file=sys.stderr)
        try:
            fetch(settings, folder, described["render"]["image_size"])
        except UserError as error:
            raise UserError(
                f"the encoder's teacher could not be fetched ({error}); search by a mesh, or copy "
                f"{folder} from a machine that has it"
            ) from error
    if read_description(folder)["sha256"] != digest:
        raise UserError(
            f"{folder}: another teacher than the one that the encoder learned from, perhaps because it has "
            "changed on the hub since; put the encoder into the results folder of its run"
        )
    return folder, settings
