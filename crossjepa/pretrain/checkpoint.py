"""Checkpoints that survive a kill, and are resumed only by a run with the same determinants."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from crossjepa.files import write_whole


def fingerprint(**determinants: Any) -> str:
    """SHA-256 of everything that determines a run, given as plain JSON types."""
    return hashlib.sha256(json.dumps(determinants, sort_keys=True).encode()).hexdigest()


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state`, with its `fingerprint`, to `path`, whole or not at all."""
    with write_whole(path) as partial:
        torch.save(state, partial)


def load_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """The state at `path`; None if there is no file, or one with another fingerprint."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state if state["fingerprint"] == fingerprint else None
