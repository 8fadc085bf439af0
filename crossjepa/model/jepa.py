"""The pair that is trained: a point encoder and the predictor that reads its tokens.

Source: CrossJEPA (arXiv 2511.18424): one direction, from points to views; no masking.
"""

from torch import Tensor, nn

from crossjepa.model.encoder import PointEncoder
from crossjepa.model.predictor import ViewPredictor


class CrossJEPA(nn.Module):
    """From a cloud's patches and its views' cameras to the views' embeddings."""

    def __init__(self, encoder: PointEncoder, predictor: ViewPredictor) -> None:
        super().__init__()
        self.encoder = encoder
        self.predictor = predictor

    @property
    def branches(self) -> int:
        """Residual branches: two a block, the encoder's first."""
        return 2 * (len(self.encoder.blocks) + len(self.predictor.blocks))

    def forward(
        self, offsets: Tensor, centres: Tensor, pose: Tensor, colour: Tensor, kept: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict embeddings.

        Args:
            offsets: (B, G, K, 3) points relative to their patch's centre.
            centres: (B, G, 3) patch centres in the unit sphere, +Y up.
            pose: (B, V, 6) cameras in the same frame.
            colour: (B, V, colour_dim) histograms.
            kept: (B, branches) factors of the residual branches, in training; 1 when None.

        Returns:
            (B, V, target_dim) standardised embeddings and (B, G, dim) tokens.
        """
        own = 2 * len(self.encoder.blocks)
        first, second = (None, None) if kept is None else (kept[:, :own], kept[:, own:])
        tokens = self.encoder(offsets, centres, kept=first)
        return self.predictor(tokens, pose, colour, second), tokens
