"""`encoder.safetensors`: the trained encoder with its sizes and where it comes from."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from crossjepa.errors import UserError
from crossjepa.model.encoder import EncoderConfig, PointEncoder

# One key: the order of several in the file's header is chance, and equal encoders should be equal bytes.
KEY = "crossjepa"


def save_encoder(path: Path, encoder: PointEncoder, provenance: dict[str, Any]) -> None:
    """Write weights, sizes and provenance into one file, whole or not at all.

    Args:
        path: the file to write.
        encoder: the encoder.
        provenance: plain JSON types: seed, settings, data set, stores.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    weights = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    described = {"config": asdict(encoder.config), "provenance": provenance}
    save_file(weights, partial, {KEY: json.dumps(described, sort_keys=True)})
    os.replace(partial, path)


def load_encoder(path: Path) -> tuple[PointEncoder, dict[str, Any]]:
    """Read an encoder that `save_encoder` wrote.

    Returns:
        The encoder in evaluation mode on the CPU, and its provenance.

    Raises:
        UserError: if the file is missing or not such an encoder.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; pretrain an encoder first")
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})[KEY])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        sizes = described["config"]
        encoder = PointEncoder(EncoderConfig(**{**sizes, "patch_widths": tuple(sizes["patch_widths"])}))
        encoder.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path}: not an encoder of this software ({error}); pretrain it again") from error
    return encoder.eval(), described["provenance"]
