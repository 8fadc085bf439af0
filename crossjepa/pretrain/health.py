"""Signs of collapse in the features of a batch."""

import torch
from torch import Tensor


def feature_spread(features: Tensor) -> float:
    """Mean over dimensions of the standard deviation over objects; 0 when all features agree.

    Args:
        features: (B, F).
    """
    return features.float().std(0).mean().item()


def effective_rank(features: Tensor) -> float:
    """How many dimensions the features really use, from 1 to min(B, F).

    The exponential of the entropy of the normalised singular values (Roy and Vetterli 2007,
    EUSIPCO, "The effective rank: a measure of effective dimensionality").

    Args:
        features: (B, F).
    """
    values = torch.linalg.svdvals(features.float() - features.float().mean(0))
    shares = values / values.sum().clamp_min(1e-12)
    return torch.special.entr(shares).sum().exp().item()
