"""The pair that is trained, and its named sizes.

Source: CrossJEPA (arXiv 2511.18424): one direction, from points to views; no masking. `base` has the
paper's parameter counts (8.5M in the encoder, 14.1M in all); the paper does not publish its widths, so these
are ours. `tiny` trains on a laptop's CPU in minutes; `large`, with the width and depth of Point-MAE's encoder
(arXiv 2203.06604), is for more data than the paper's.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from crossjepa.model.encoder import EncoderConfig, PointEncoder
from crossjepa.model.predictor import Conditioning, PredictorConfig, ViewPredictor


@dataclass(frozen=True)
class Size:
    """Sizes of an encoder and of the predictor that trains it."""

    encoder: EncoderConfig
    predictor_dim: int
    predictor_depth: int
    predictor_heads: int


SIZES = {
    "tiny": Size(EncoderConfig(192, 4, 6, (64, 128, 256)), 192, 2, 6),
    "base": Size(EncoderConfig(256, 10, 8, (128, 256, 576)), 192, 12, 6),
    "large": Size(EncoderConfig(384, 12, 6, (128, 256, 512)), 256, 12, 8),
}


class CrossJEPA(nn.Module):
    """From a cloud's patches and its views' cameras to the views' embeddings."""

    def __init__(self, encoder: PointEncoder, predictor: ViewPredictor) -> None:
        super().__init__()
        self.encoder = encoder
        self.predictor = predictor

    @property
    def branches(self) -> int:
        """Number of residual branches: two a block, the encoder's first."""
        return 2 * (len(self.encoder.blocks) + len(self.predictor.blocks))

    def forward(
        self, offsets: Tensor, centres: Tensor, pose: Tensor, colour: Tensor, scales: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict embeddings.

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
        conditioning: what the predictor is given about each view.
    """
    chosen = SIZES[size]
    predictor = PredictorConfig(
        dim=chosen.predictor_dim,
        depth=chosen.predictor_depth,
        heads=chosen.predictor_heads,
        target_dim=target_dim,
        colour_dim=colour_dim,
        conditioning=conditioning,
    )
    return CrossJEPA(PointEncoder(chosen.encoder), ViewPredictor(predictor, chosen.encoder.dim))
