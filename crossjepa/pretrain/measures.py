"""Measures in the training log: fit to unseen objects, and signs of collapsed features."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from crossjepa.model.grouping import patches
from crossjepa.model.sizes import CrossJEPA
from crossjepa.pretrain.examples import Examples

BATCH = 64


@torch.no_grad()
def explained_variance(
    model: CrossJEPA, examples: Examples, autocast: Callable[[], AbstractContextManager[None]]
) -> float:
    """Share of the variance of objects' targets that the networks predict, at most 1.

    Every dimension has equal weight: each is divided by its deviation over these examples, however targets
    were standardised.

    Args:
        model: the networks; they stay in training mode.
        examples: the objects, on the networks' device, after `Examples.cut`.
        autocast: returns the context for a forward pass, as `Fabric.autocast` does.
    """
    assert examples.centres is not None
    assert examples.members is not None
    missed, whole = 0.0, 0.0
    targets = examples.targets(examples.views[examples.views >= 0])
    mean, spread = targets.mean(0), targets.std(0).clamp_min(1e-6)
    model.eval()
    for rows in torch.arange(len(examples.ids), device=examples.clouds.device).split(BATCH):
        cut = patches(examples.clouds[rows], examples.centres[rows], examples.members[rows])
        views = examples.views[rows].clamp_min(0)
        exists = (examples.views[rows] >= 0).unsqueeze(-1)
        with autocast():
            predicted, _ = model(*cut, examples.pose[views], examples.colour[views])
        targets = examples.targets(views)
        missed += (exists * ((predicted.float() - targets) / spread).square()).sum().item()
        whole += (exists * ((targets - mean) / spread).square()).sum().item()
    model.train()
    return 1 - missed / whole


def feature_spread(features: Tensor) -> float:
    """Standard deviation over objects, averaged over dimensions, of (B, F) features; 0 when all are equal."""
    return features.float().std(0).mean().item()


def effective_rank(features: Tensor) -> float:
    """Effective number of dimensions of (B, F) features, from 1 to min(B, F).

    The exponential of the entropy of the normalised singular values (Roy and Vetterli 2007,
    EUSIPCO, "The effective rank: a measure of effective dimensionality").
    """
    values = torch.linalg.svdvals(features.float() - features.float().mean(0))
    shares = values / values.sum().clamp_min(1e-12)
    return torch.special.entr(shares).sum().exp().item()
