"""How far a prediction lies from what the teacher said."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def cosine_distance(predicted: Tensor, targets: Tensor) -> Tensor:
    """One minus the cosine between (..., D) embeddings, averaged: their lengths do not matter."""
    return 1 - F.cosine_similarity(predicted, targets, dim=-1).mean()


# Each from predicted and true (..., D) float32 embeddings to their mean distance.
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "smooth_l1": F.smooth_l1_loss,
    "mse": F.mse_loss,
    "cosine": cosine_distance,
}
