"""The user's own copy of a teacher: whether `teacher.path` can mean it, and a digest of its files.

Needs neither torch nor transformers, since the workflow imports it in the user's own environment.
"""

import hashlib
from pathlib import Path

from crossjepa.errors import UserError
from crossjepa.files import sha256_file
from crossjepa.teacher.settings import DERIVATIVE, TeacherSettings

READ = {".json", ".safetensors"}  # what is read of a model's folder


def check_place(settings: TeacherSettings) -> None:
    """Check that `teacher.path` exists, and that `teacher.name` says which model lies there.

    Raises:
        UserError: saying which key to set.
    """
    if settings.path is None:
        return
    if not Path(settings.path).exists():
        raise UserError(f"teacher.path: {settings.path} does not exist")
    if settings.name == DERIVATIVE and (Path(settings.path) / "config.json").is_file():
        raise UserError(
            f"teacher.path: {settings.path} holds another model than teacher.name, {DERIVATIVE}; set "
            "teacher.name to that model's name, such as facebook/dinov2-base or mine"
        )


def files_digest(settings: TeacherSettings) -> str:
    """A digest of the content of a model's files in `teacher.path`, wherever that lies.

    Returns:
        Empty where name and revision say what the content is: for models of the hub, and for the default
        teacher, whose digest is known.
    """
    if settings.path is None or settings.name == DERIVATIVE:
        return ""
    files = sorted(path for path in Path(settings.path).glob("*") if path.suffix in READ and path.is_file())
    lines = (f"{path.name}\0{sha256_file(path)}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
