"""The predictor: it predicts the teacher's embedding of a view from the object's tokens and the camera."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from crossjepa.model.frames import towards_camera
from crossjepa.model.transformer import MLP, Block, initialise, pool, scale_of

POSE_FEATURES = 7
Conditioning = Literal["none", "pose", "colour", "both"]


@dataclass(frozen=True)
class PredictorConfig:
    """Sizes of a predictor.

    Attributes:
        dim: width of a query.
        depth: cross-attention blocks.
        heads: attention heads.
        target_dim: width of the teacher's embedding.
        colour_dim: width of a view's colour histogram.
        conditioning: whether a query gets the view's camera pose, its colour histogram, both or neither.
    """

    dim: int
    depth: int
    heads: int
    target_dim: int
    colour_dim: int
    conditioning: Conditioning


def pose_features(pose: Tensor) -> Tensor:
    """Encode cameras as numbers that change continuously with them; an azimuth jumps at 360 degrees.

    Args:
        pose: (..., 6) azimuth and elevation in radians, distance in radii of the unit sphere, up vector.

    Returns:
        (..., 7): unit vector to the camera, distance, up vector.
    """
    return torch.cat([towards_camera(pose), pose[..., 2:]], dim=-1)


class ViewPredictor(nn.Module):
    """Queries, one per view, attend to an object's tokens and predict the view's embedding.

    A query starts as the sum of the object's pooled tokens (the features that probes use) and embeddings of
    the view's pose and colours. Queries do not attend to one another, so one pass can predict many views.
    """

    def __init__(self, config: PredictorConfig, token_dim: int) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Parameter(torch.empty(config.dim))
        nn.init.trunc_normal_(self.query, std=0.02)
        given = ("pose", "colour") if config.conditioning == "both" else (config.conditioning,)
        self.pose = MLP(POSE_FEATURES, config.dim, config.dim) if "pose" in given else None
        self.colour = MLP(config.colour_dim, config.dim, config.dim) if "colour" in given else None
        self.summary = nn.Linear(2 * token_dim, config.dim)
        self.context = nn.Linear(token_dim, config.dim)
        self.norm_context = nn.LayerNorm(config.dim)
        self.blocks = nn.ModuleList(Block(config.dim, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.dim)
        self.out = nn.Linear(config.dim, config.target_dim)
        self.blocks.apply(initialise)

    def forward(self, tokens: Tensor, pose: Tensor, colour: Tensor, scales: Tensor | None = None) -> Tensor:
        """Predict the teacher's standardised embedding of each view.

        Args:
            tokens: (B, G, token_dim) from the encoder.
            pose: (B, V, 6) cameras, in the frame of the cloud.
            colour: (B, V, colour_dim) histograms.
            scales: (B, 2 * depth) multipliers of the residual branches (stochastic depth); 1 when None.

        Returns:
            (B, V, target_dim).
        """
        summary = self.summary(pool(tokens))
        queries = (self.query + summary).unsqueeze(1).expand(-1, pose.shape[1], -1)
        if self.pose is not None:
            queries = queries + self.pose(pose_features(pose))
        if self.colour is not None:
            queries = queries + self.colour(colour)
        context = self.norm_context(self.context(tokens))
        for number, block in enumerate(self.blocks):
            queries = block(queries, context, scale_of(number, scales))
        return self.out(self.norm(queries))
