"""Named sizes of encoder and predictor.

`base` has the paper's parameter counts (arXiv 2511.18424: 8.5M in the encoder, 14.1M in all); the paper
does not publish its widths, so these are ours. `tiny` trains on a laptop's processor in minutes; `large`,
with the width and depth of Point-MAE's encoder (arXiv 2203.06604), is for more data than the paper's.
"""

from dataclasses import dataclass

from crossjepa.model.encoder import EncoderConfig, PointEncoder
from crossjepa.model.jepa import CrossJEPA
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


def build(
    size: str,
    target_dim: int,
    colour_dim: int,
    conditioning: Conditioning,
    predictor_depth: int | None = None,
) -> CrossJEPA:
    """Encoder and predictor of a named size, with fresh random weights.

    Args:
        size: a key of `SIZES`.
        target_dim: width of the teacher's embedding.
        colour_dim: width of a view's colour histogram.
        conditioning: what a query is told of its view.
        predictor_depth: blocks of the predictor; the size's own when None.
    """
    chosen = SIZES[size]
    predictor = PredictorConfig(
        dim=chosen.predictor_dim,
        depth=predictor_depth or chosen.predictor_depth,
        heads=chosen.predictor_heads,
        target_dim=target_dim,
        colour_dim=colour_dim,
        conditioning=conditioning,
    )
    return CrossJEPA(PointEncoder(chosen.encoder), ViewPredictor(predictor, chosen.encoder.dim))
