"""An encoder as a step of a scikit-learn pipeline."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from crossjepa.inference.encoder import Encoder, Up


class EncodingTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns meshes and point clouds into vectors: `Pipeline([("encode", ...), ("classify", SVC())])`.

    Args:
        encoder: what `Encoder.load` takes; by default the shipped encoder.
        features: see `Encoder.encode`.
        up: see `Encoder.encode`.
    """

    def __init__(
        self,
        encoder: str | Path | None = None,
        features: Literal["tokens", "imagined", "both"] = "tokens",
        up: Up | None = None,
    ) -> None:
        self.encoder = encoder
        self.features = features
        self.up = up

    def fit(self, objects: Any, labels: Any = None) -> "EncodingTransformer":  # noqa: ARG002
        """Load the encoder; the objects change nothing."""
        self.encoder_ = Encoder.load(self.encoder)
        return self

    def transform(self, objects: Any) -> NDArray[np.float32]:
        """(N, D) vectors of what `Encoder.encode` takes.

        Raises:
            NotFittedError: before `fit`.
            UserError: if an object cannot be read.
        """
        check_is_fitted(self)
        return np.asarray(self.encoder_.encode(objects, features=self.features, up=self.up))
