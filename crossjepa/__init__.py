"""CrossJEPA: self-supervised 3D point-cloud encoders from frozen image teachers (arXiv 2511.18424)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossjepa.inference.encoder import Encoder

__version__ = "0.1.0"
__all__ = ["Encoder", "load"]


def load(source: str | Path | None = None) -> "Encoder":
    """Load a trained encoder, by default the one that the package ships: see `Encoder.load`."""
    from crossjepa.inference.encoder import Encoder

    return Encoder.load(source)


def __getattr__(name: str) -> Any:
    """Import the encoder, and torch with it, when it is first asked for."""
    if name != "Encoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crossjepa.inference.encoder import Encoder

    return Encoder
