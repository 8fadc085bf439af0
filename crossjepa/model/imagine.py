"""What the teacher would say of an object all around, imagined from its points alone."""

from math import pi

import torch
from torch import Tensor, nn

from crossjepa.model.predictor import ViewPredictor

RING = 8


def ring(elevation: float, distance: float) -> Tensor:
    """(RING, 6) cameras around the up axis, evenly spaced, at one elevation (radians) and distance."""
    azimuth = torch.arange(RING) * 2 * pi / RING
    level = torch.tensor([elevation, distance, 0.0, 1.0, 0.0]).expand(RING, -1)
    return torch.cat([azimuth.unsqueeze(1), level], dim=1)


class Imagination(nn.Module):
    """A trained predictor, asked for a fixed ring of views.

    Attributes:
        pose, colour, mean, std: as they were given.

    Points have no colour: each view is asked for with the mean histogram of those that were learned from.
    """

    pose: Tensor
    colour: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self, predictor: ViewPredictor, pose: Tensor, colour: Tensor, mean: Tensor, std: Tensor
    ) -> None:
        """
        Args:
            predictor: the predictor.
            pose: (V, 6) cameras to ask for.
            colour: (C,) the histogram to ask with.
            mean, std: (D,) by which the targets were standardised.
        """
        super().__init__()
        self.predictor = predictor
        self.register_buffer("pose", pose)
        self.register_buffer("colour", colour)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, G, dim) tokens -> (B, D) standardised embeddings, averaged over the views."""
        views = len(self.pose)
        pose, colour = (t.expand(len(tokens), views, -1) for t in (self.pose, self.colour))
        return self.predictor(tokens, pose, colour).mean(1)
