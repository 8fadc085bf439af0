"""What the settings of all stages are made of, and how they are read and checked."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from crossjepa.errors import UserError


class Section(BaseModel):
    """A group of settings that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# A file or folder; `~` is the home folder.
Place = Annotated[str, AfterValidator(os.path.expanduser)]

Model = TypeVar("Model", bound=BaseModel)


def setting(default: Any, meaning: str, unit: str = "", **limits: Any) -> Any:
    """A documented setting: its default, its meaning, its unit and its limits."""
    extra: dict[str, Any] | None = {"unit": unit} if unit else None
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


def check(model: type[Model], values: Any, where: str, prefix: str = "") -> Model:
    """Validate `values`, naming each wrong key in full.

    Args:
        model: the section, or the whole configuration.
        values: what the user gave, as plain JSON types.
        where: the file or option that it came from.
        prefix: the section's name, put before each key.

    Raises:
        UserError: with the key's full name, what was given and what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: " + "; ".join(_sentence(e, prefix) for e in error.errors())) from None


def read_configuration(files: Sequence[Path]) -> dict[str, Any]:
    """The keys of several configuration files; later files override earlier ones.

    Raises:
        UserError: if a file is missing or does not hold keys and values.
    """
    merged: dict[str, Any] = {}
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: no such configuration file")
        try:
            values = yaml.safe_load(path.read_text()) or {}
        except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or a date such as 2026-99-99
            raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
        if not isinstance(values, dict):
            raise UserError(f"{path}: must hold keys and values")
        merged = merge(merged, values)
    return merged


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge sections key by key, as Snakemake does; any other value of `above` replaces that of `below`."""
    both = {k: merge(v, above[k]) for k, v in below.items() if isinstance(v, dict) and k in above}
    return {**below, **above, **both}


def read_settings(text: str) -> dict[str, Any]:
    """What `--settings` gives: the path of a configuration file, or the same keys as inline JSON.

    Raises:
        UserError: if the file is missing or the JSON is broken.
    """
    if not text.lstrip().startswith("{"):
        return read_configuration([Path(text)])
    try:
        values: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--settings: not JSON ({error}): {text}") from None
    return values


def read_section(model: type[Model], section: str, text: str) -> Model:
    """One section of what `--settings` gives; keys that are left out take their defaults.

    Raises:
        UserError: if the file is missing or a setting is wrong.
    """
    where = "--settings" if text.lstrip().startswith("{") else text
    return check(model, read_settings(text).get(section, {}), where, section)


def _sentence(error: Any, prefix: str) -> str:
    parts = [prefix] * bool(prefix) + [str(part) for part in error["loc"]]
    if parts[:1] == ["data"] and len(parts) > 3:
        del parts[2]  # the data set's kind, which pydantic inserts
    key = ".".join(parts)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{key}: no such setting; config/README.md lists them all"
    if error["type"] == "union_tag_not_found":
        return f"{key}: has no `kind`; give it kind: folder, or another that config/README.md lists"
    if error["type"] == "literal_error" and parts[:1] == ["data"] and parts[2:] == ["kind"]:
        shipped = f"a shipped data set of kind {error['ctx']['expected']}"
        return f"{key}: '{parts[1]}' is {shipped}; give yours another name"
    if error["type"] == "model_attributes_type":
        return (
            f"{key}: no such setting, and no data set either (given: {error['input']!r}); "
            "config/README.md lists them all"
        )
    given = "" if error["type"] == "value_error" else f" (given: {error['input']!r})"
    return f"{key}: {message}{given}" if key else f"{message}{given}"
