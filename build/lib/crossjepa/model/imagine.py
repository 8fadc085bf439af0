"""Predicting the teacher's embedding of an object, averaged over views all around, from its points alone."""

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
    """A trained predictor, applied to a fixed ring of cameras.

    Points have no colour, so every view gets the same colour histogram: the mean over the training views.
    """

    def __init__(
        self, predictor: ViewPredictor, pose: Tensor, colour: Tensor, mean: Tensor, std: Tensor
    ) -> None:
        """
        Args:
            predictor: the trained predictor.
            pose: (V, 6) cameras of the views.
            colour: (C,) colour histogram used for every view.
            mean, std: (D,) with which the targets were standardised.
        """
        super().__init__()
        self.predictor = predictor
        self.pose, self.colour = nn.Buffer(pose), nn.Buffer(colour)
        self.mean, self.std = nn.Buffer(mean), nn.Buffer(std)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, G, dim) tokens -> (B, D) standardised embeddings, averaged over the views."""
        views = len(self.pose)
        pose, colour = (t.expand(len(tokens), views, -1) for t in (self.pose, self.colour))
        return self.predictor(tokens, pose, colour).mean(1)
