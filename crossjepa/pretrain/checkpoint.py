"""Checkpoints that survive a kill: written whole, and only ever resumed by the run that wrote them."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch


def fingerprint(**determinants: Any) -> str:
    """SHA-256 of everything that determines a run, given as plain JSON types."""
    return hashlib.sha256(json.dumps(determinants, sort_keys=True).encode()).hexdigest()


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state`, with its `fingerprint`, to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())  # a power cut may not leave half of it under its final name
    os.replace(partial, path)


def load_checkpoint(path: Path, expected: str) -> dict[str, Any] | None:
    """The state at `path`, or None if there is none or another run wrote it."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state if state["fingerprint"] == expected else None
