"""The maximum over a patch's points, with a backward pass that is fast on a CPU."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class _Maximum(torch.autograd.Function):
    """Like `Tensor.max`, whose backward pass makes an extra copy; this one writes each gradient once."""

    @staticmethod
    def forward(ctx: Any, points: Tensor) -> Tensor:
        batch, groups, size, width = points.shape
        # As channels-last images of K x 1 pixels, patches use torch's vectorised pooling.
        images = points.reshape(batch * groups, size, 1, width).permute(0, 3, 1, 2)
        largest, which = F.max_pool2d(images, (size, 1), return_indices=True)
        ctx.save_for_backward(which.flatten(1))
        ctx.shape = points.shape
        return largest.view(batch, groups, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (which,) = ctx.saved_tensors
        size, width = ctx.shape[2:]
        patch = torch.arange(len(which)).unsqueeze(1)
        place = (patch * size + which) * width + torch.arange(width)
        spread = gradients[0].new_zeros(ctx.shape).flatten()
        spread[place.flatten()] = gradients[0].flatten()
        return spread.view(ctx.shape)


def maximum(points: Tensor) -> Tensor:
    """(B, G, K, C) -> (B, G, C), the maximum over K points; the first of several gets the gradient."""
    if points.device.type != "cpu":
        return points.max(2).values
    return _Maximum.apply(points)  # type: ignore[no-untyped-call]
