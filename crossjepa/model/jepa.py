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

    def forward(
        self, offsets: Tensor, centres: Tensor, pose: Tensor, colour: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Predict embeddings.

        Args:
            offsets: (B, G, K, 3) points relative to their patch's centre.
            centres: (B, G, 3) patch centres in the unit sphere, +Y up.
            pose: (B, V, 6) cameras in the same frame.
            colour: (B, V, colour_dim) histograms.

        Returns:
            (B, V, target_dim) standardised embeddings and (B, G, dim) tokens.
        """
        tokens = self.encoder(offsets, centres)
        return self.predictor(tokens, pose, colour), tokens
