"""A plain training step, the reference for the speed of the package's step.

A mini-PointNet that concatenates each patch's maximum to its points, torch's transformer layers, a predictor
whose queries are appended to the tokens behind an attention mask, AdamW, in the precision that pretraining
takes on this machine.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crossjepa.devices import resolve_precision


@dataclass(frozen=True)
class ReferenceSize:
    """Widths and depths."""

    dim: int
    depth: int
    heads: int
    widths: tuple[int, int, int]
    predictor_depth: int


SIZES = {
    "tiny": ReferenceSize(192, 4, 6, (64, 128, 256), 2),
    "base": ReferenceSize(256, 10, 8, (128, 256, 512), 7),
}


class ReferenceModel(nn.Module):
    """Encoder and predictor."""

    def __init__(self, size: ReferenceSize, target_dim: int, colours: int) -> None:
        super().__init__()
        first, second, third = size.widths
        self.first = nn.Sequential(nn.Linear(3, first), nn.ReLU(), nn.Linear(first, second))
        self.second = nn.Sequential(nn.Linear(2 * second, third), nn.LayerNorm(third), nn.ReLU())
        self.token = nn.Linear(third, size.dim)
        self.position = nn.Sequential(nn.Linear(3, size.dim), nn.GELU(), nn.Linear(size.dim, size.dim))
        self.encoder = nn.ModuleList(self._layer(size) for _ in range(size.depth))
        self.predictor = nn.ModuleList(self._layer(size) for _ in range(size.predictor_depth))
        self.view = nn.Linear(7 + colours, size.dim)
        self.out = nn.Linear(size.dim, target_dim)

    @staticmethod
    def _layer(size: ReferenceSize) -> nn.Module:
        return nn.TransformerEncoderLayer(
            *(size.dim, size.heads, 4 * size.dim), 0.0, F.gelu, batch_first=True, norm_first=True
        )

    def tokens(self, offsets: Tensor, centres: Tensor) -> Tensor:
        """(B, G, dim) tokens of patches: (B, G, K, 3) offsets from their (B, G, 3) centres."""
        points = self.first(offsets)
        whole = points.amax(2, keepdim=True).expand_as(points)
        tokens = self.token(self.second(torch.cat([points, whole], dim=-1)).amax(2)) + self.position(centres)
        for layer in self.encoder:
            tokens = layer(tokens)
        return tokens

    def forward(self, offsets: Tensor, centres: Tensor, pose: Tensor, colour: Tensor) -> Tensor:
        tokens = self.tokens(offsets, centres)
        queries, count = self.view(torch.cat([pose, pose[..., :1], colour], dim=-1)), tokens.shape[1]
        together = torch.cat([tokens, queries], dim=1)
        hidden = torch.zeros(2 * (together.shape[1],), dtype=torch.bool)
        hidden[:, count:] = ~torch.eye(together.shape[1], dtype=torch.bool)[:, count:]
        for layer in self.predictor:
            together = layer(together, src_mask=hidden)
        return self.out(together[:, count:])


def reference_step(
    model: ReferenceModel, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, ...]
) -> None:
    """One update from patches, cameras, colours and targets."""
    *inputs, targets = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=resolve_precision("auto") == "bf16"):
        predicted = model(*inputs)
    loss = F.smooth_l1_loss(predicted.float(), targets)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
