"""The point encoder: from a point cloud to tokens and features. Pretraining exists to train it."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crossjepa.model.grouping import group, patches
from crossjepa.model.transformer import MLP, Block, initialise, initialise_geometry, pool, scale_of

# Factors that scale offsets and centres to about unit size: a patch is about a tenth of the object wide.
OFFSET_SCALE, CENTRE_SCALE = 8.0, 2.0


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of a point encoder.

    Attributes:
        dim: width of a token.
        depth: transformer blocks.
        heads: attention heads.
        patch_widths: the mini-PointNet's layers: two before its first pooling over points, one after it.
        groups: patches per cloud.
        group_size: points per patch.
    """

    dim: int
    depth: int
    heads: int
    patch_widths: tuple[int, int, int]
    groups: int = 64
    group_size: int = 32


class PatchEmbedding(nn.Module):
    """Mini-PointNet of Point-BERT (arXiv 2111.14819, section 3.1), one token per patch.

    Layer norm replaces batch norm, so that a cloud's tokens do not depend on the other clouds of its batch.
    """

    def __init__(self, widths: tuple[int, int, int], dim: int) -> None:
        super().__init__()
        first, second, third = widths
        self.point = MLP(3, first, second)
        self.local = nn.Linear(second, third, bias=False)  # no bias: `shared` already has one
        self.shared = nn.Linear(second, third)
        self.norm = nn.LayerNorm(third)
        self.out = nn.Linear(third, dim)

    def forward(self, offsets: Tensor) -> Tensor:
        """(B, G, K, 3) offsets from the centre -> (B, G, dim) tokens."""
        first, activation, last = self.point
        hidden, second = activation(first(OFFSET_SCALE * offsets)), cast(nn.Linear, last)
        # Point-BERT's linear layer on [point, patch maximum] is split: `shared` is computed once per patch
        # instead of once per point. `local` follows `second` without an activation between them, so the
        # product of their weights replaces both.
        weight = torch.cat([second.weight, self.local.weight @ second.weight])
        bias = torch.cat([second.bias, self.local.weight @ second.bias])
        patch, local = _largest(F.linear(hidden, weight, bias)).split(
            [second.out_features, self.local.out_features], dim=-1
        )
        return self.out(torch.relu(self.norm(local + self.shared(patch))))


def _largest(values: Tensor) -> Tensor:
    """Maximum over points: (B, G, K, dim) -> (B, G, dim)."""
    if torch.is_grad_enabled():
        return values.max(2).values
    return values.amax(2)  # faster, but its gradient is slower


class PointEncoder(nn.Module):
    """Transformer over the patches of a point cloud."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = PatchEmbedding(config.patch_widths, config.dim)
        self.position = MLP(3, config.dim, config.dim)
        self.blocks = nn.ModuleList(Block(config.dim, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.dim)
        self.blocks.apply(initialise)
        self.embed.apply(initialise_geometry)
        self.position.apply(initialise_geometry)

    def forward(self, offsets: Tensor, centres: Tensor, scales: Tensor | None = None) -> Tensor:
        """Encode patches.

        Args:
            offsets: (B, G, K, 3) points relative to their patch's centre.
            centres: (B, G, 3) positions in the unit sphere, +Y up.
            scales: (B, 2 * depth) multipliers of the residual branches (stochastic depth); 1 when None.

        Returns:
            (B, G, dim) tokens, normalised over their dimensions.
        """
        tokens = self.embed(offsets) + self.position(CENTRE_SCALE * centres)
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, scale=scale_of(number, scales))
        return self.norm(tokens)

    @torch.no_grad()
    def features(self, cloud: Tensor) -> Tensor:
        """Features of clouds: the maximum and the mean over tokens, concatenated.

        Args:
            cloud: (B, N, 3) points, centred in the unit sphere, +Y up; N at least `group_size`. A single
                cloud (N, 3) is taken too, as is float64.

        Returns:
            (B, 2 * dim) float32; (2 * dim,) for a single cloud.

        Raises:
            ValueError: if the clouds have another shape or too few points, or do not lie in the unit sphere.
        """
        fits = cloud.ndim in (2, 3) and cloud.shape[-1] == 3 and cloud.shape[-2] >= self.config.group_size
        if not fits:
            needed = f"(B, N, 3) or (N, 3) with N at least {self.config.group_size}"
            raise ValueError(f"cloud: must be {needed}, not {tuple(cloud.shape)}")
        if not cloud.norm(dim=-1).max() <= 1.001:  # false for NaN, too
            raise ValueError("cloud: must be finite, centred and scaled into the unit sphere")
        return pool(self.tokens(cloud))

    @torch.no_grad()
    def tokens(self, cloud: Tensor) -> Tensor:
        """Tokens (B, G, dim) float32 of clouds (B, N, 3), which need not lie in the unit sphere.

        A single cloud (N, 3) gives (G, dim).
        """
        if cloud.ndim == 2:
            return self.tokens(cloud.unsqueeze(0)).squeeze(0)
        cloud = cloud.to(self.norm.weight.dtype)
        centres, members = group(cloud, self.config.groups, self.config.group_size)
        return self(*patches(cloud, centres, members)).float()
