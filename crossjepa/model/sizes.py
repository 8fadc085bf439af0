"""Encoder and predictor as one trainable network, and its named sizes.

Source: CrossJEPA (arXiv 2511.18424): one direction, from points to views; no masking. `base` has the
paper's parameter counts (8.5M in the encoder, 14.1M in all); the paper does not publish its widths, so these
are ours. `tiny` trains on a laptop's CPU in minutes; `large`, with the width and depth of Point-MAE's encoder
(arXiv 2203.06604), is for more data than the paper's.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from crossjepa.model.encoder import EncoderConfig, PointEncoder
from crossjepa.model.predictor import Conditioning, PredictorConfig, ViewPredictor


class Size(NamedTuple):
    """Sizes of an encoder, and width, depth and heads of the predictor that is trained with it."""

    encoder: EncoderConfig
    predictor: tuple[int, int, int]


SIZES = {
    "tiny": Size(EncoderConfig(192, 4, 6, (64, 128, 256)), (192, 1, 6)),
    "base": Size(EncoderConfig(256, 10, 8, (128, 256, 576)), (192, 12, 6)),
    "large": Size(EncoderConfig(384, 12, 6, (128, 256, 512)), (256, 12, 8)),
}


class CrossJEPA(nn.Module):
    """Predicts views' embeddings from a cloud's patches and the views' cameras and colours."""

    def __init__(self, encoder: PointEncoder, predictor: ViewPredictor) -> None:
        super().__init__()
        self.encoder = encoder
        self.predictor = predictor

    @property
    def branches(self) -> int:
        """Number of residual branches: two per block; in `scales` the encoder's come first."""
        return 2 * (len(self.encoder.blocks) + len(self.predictor.blocks))

    def forward(
        self, offsets: Tensor, centres: Tensor, pose: Tensor, colour: Tensor, scales: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode patches and predict views.

        Args:
            offsets: (B, G, K, 3) points relative to their patch's centre.
            centres: (B, G, 3) patch centres in the unit sphere, +Y up.
            pose: (B, V, 6) cameras in the same frame.
            colour: (B, V, colour_dim) histograms.
            scales: (B, branches) multipliers of the residual branches (stochastic depth); 1 when None.

        Returns:
            (B, V, target_dim) standardised embeddings and (B, G, dim) tokens.
        """
        split = 2 * len(self.encoder.blocks)
        first, second = (None, None) if scales is None else (scales[:, :split], scales[:, split:])
        tokens = self.encoder(offsets, centres, first)
        return self.predictor(tokens, pose, colour, second), tokens


def build(size: str, target_dim: int, colour_dim: int, conditioning: Conditioning) -> CrossJEPA:
    """Encoder and predictor of a named size, with fresh random weights.

    Args:
        size: a key of `SIZES`.
        target_dim: width of the teacher's embedding.
        colour_dim: width of a view's colour histogram.
        conditioning: what the predictor gets about each view.
    """
    chosen = SIZES[size]
    predictor = PredictorConfig(*chosen.predictor, target_dim, colour_dim, conditioning)
    return CrossJEPA(PointEncoder(chosen.encoder), ViewPredictor(predictor, chosen.encoder.dim))


def random_encoder(size: str, seed: int) -> PointEncoder:
    """An encoder of a named size with random weights, those that a training with this seed starts from."""
    torch.manual_seed(seed)
    return PointEncoder(SIZES[size].encoder)
