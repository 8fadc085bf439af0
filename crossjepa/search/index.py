"""An index: one file with the vectors of a collection's objects."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from crossjepa.errors import UserError
from crossjepa.files import write_whole
from crossjepa.inference.encoder import Encoder, Features, Up

KEY = "crossjepa-index"
FORMAT = 2


@dataclass(frozen=True, eq=False)
class Index:
    """The vectors of N objects.

    Attributes:
        paths: where the objects lay.
        tokens: (N, D) float32, the encoder's feature `tokens`, each scaled to length 1.
        imagined: (N, E) float32, the feature `imagined`; None if the encoder has no predictor.
        encoder: what was loaded to make it; None for the shipped encoder.
        digest: of that encoder.
        up: the axis that points up, as `Encoder.encode` takes it.
    """

    paths: list[str]
    tokens: NDArray[np.float32]
    imagined: NDArray[np.float32] | None
    encoder: str | None
    digest: str
    up: Up | None

    def check(self, encoder: Encoder, path: Path) -> None:
        """Check that queries are encoded as the objects were.

        Raises:
            UserError: if the encoder is another one.
        """
        if self.digest != encoder.digest:
            made = self.encoder or "the encoder that came with the package"
            raise UserError(
                f"{path}: was made with another encoder ({made}); give that one with --encoder, or make the "
                "index again"
            )


def build_index(
    encoder: Encoder, paths: Sequence[Path], up: Up | None, name: str | None
) -> tuple[Index, dict[str, str]]:
    """Encode objects for an index.

    Args:
        encoder: encodes them.
        paths: meshes, point clouds, or folders of them.
        up: see `Encoder.encode`.
        name: what the encoder was loaded from.

    Returns:
        The index, and the reasons why objects could not be read, by path.

    Raises:
        UserError: if none could be read.
    """
    features: Features = "tokens" if encoder.imagination is None else "both"
    encoded = encoder.encode(paths, features=features, up=up, progress=True, errors="skip")
    kept = encoded.readable()
    vectors, width = encoded.values[kept], 2 * encoder.network.config.dim
    tokens = vectors[:, :width] / np.linalg.norm(vectors[:, :width], axis=1, keepdims=True)
    places = [str(Path(encoded.names[row]).absolute()) for row in kept]
    imagined = vectors[:, width:] if features == "both" else None
    if name and Path(name).exists():
        name = str(Path(name).absolute())
    return Index(places, tokens, imagined, name, encoder.digest, up), encoded.reasons


def write_index(index: Index, path: Path) -> None:
    """Write an index, whole or not at all."""
    # Not in the header, which may have 100 MB at most.
    paths = "\0".join(index.paths).encode("utf-8", "surrogateescape")
    arrays: dict[str, NDArray[Any]] = {"tokens": index.tokens, "paths": np.frombuffer(paths, np.uint8)}
    if index.imagined is not None:
        arrays["imagined"] = np.ascontiguousarray(index.imagined)
    header = {"format": FORMAT, "encoder": index.encoder, "digest": index.digest, "up": index.up}
    with write_whole(path) as partial:
        save_file(arrays, partial, {KEY: json.dumps(header)})


def read_index(path: Path) -> Index:
    """Read an index.

    Raises:
        UserError: if the file is missing or no index of this version.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; make it with `crossjepa index FOLDER -o {path}`")
    try:
        with safe_open(path, framework="numpy") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.pop("format") != FORMAT:
            raise UserError(f"{path}: an index of another version; make it again with `crossjepa index`")
        paths = arrays.pop("paths").tobytes().decode("utf-8", "surrogateescape").split("\0")
        index = Index(paths, arrays["tokens"], arrays.get("imagined"), **header)
        if {len(index.paths)} != {len(array) for array in arrays.values()}:
            raise ValueError(f"{len(index.paths)} paths do not fit its vectors")
        return index
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not an index ({error}); make one with `crossjepa index`") from error
