"""Loss, optimiser and learning rate."""

from collections.abc import Callable
from math import cos, pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crossjepa.pretrain.settings import PretrainSettings

# Mean distance between predicted and true (..., D) float32 embeddings.
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"smooth_l1": F.smooth_l1_loss, "mse": F.mse_loss}


def make_optimizer(model: nn.Module, settings: PretrainSettings) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101) with weight decay for matrices only: not for biases, norms and the query."""
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.95), fused=True)


def learning_rate(step: int, steps: int, settings: PretrainSettings) -> float:
    """Linear rise to the peak, then half a cosine down to a hundredth of it.

    Source: SGDR (arXiv 1608.03983) without restarts; warm-up as in arXiv 1706.02677.

    Args:
        step: number of the step, from 0.
        steps: steps of the whole run.
        settings: `learning_rate`, the peak, and `warmup`.
    """
    peak, warmup = settings.learning_rate, round(settings.warmup * steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    floor = peak / 100
    return floor + (peak - floor) * (1 + cos(pi * done)) / 2
