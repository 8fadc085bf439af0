"""The point encoder: from a point cloud to tokens and features. It is what pretraining is for."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from crossjepa.model.grouping import group, patches
from crossjepa.model.maximum import maximum
from crossjepa.model.transformer import MLP, Block, initialise, initialise_geometry, pool, scale_of

# These bring offsets and centres to about unit size: a patch is a tenth of an object across.
OFFSET_SCALE, CENTRE_SCALE = 8.0, 2.0


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of a point encoder.

    Attributes:
        dim: width of a token.
        depth: transformer blocks.
        heads: attention heads.
        groups: patches a cloud.
        group_size: points a patch.
        patch_widths: widths of the mini-PointNet before and after its first pooling.
    """

    dim: int
    depth: int
    heads: int
    patch_widths: tuple[int, int, int]
    groups: int = 64
    group_size: int = 32


class PatchEmbedding(nn.Module):
    """Mini-PointNet of Point-BERT (arXiv 2111.14819, section 3.1), one token a patch.

    It has layer norm, not batch norm, so that a cloud's tokens do not depend on the rest of its batch.
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
        points = self.point(OFFSET_SCALE * offsets)
        # The linear layer on [point, patch maximum] is split in two, so that the maximum's part is computed
        # once a patch.
        mixed = maximum(self.local(points)) + self.shared(maximum(points))
        return self.out(torch.relu(self.norm(mixed)))


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
        """Tokens of patches.

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
        """Features of clouds: the tokens' maximum beside their mean.

        Args:
            cloud: (B, N, 3) points, centred in the unit sphere, +Y up; N at least `group_size`.

        Returns:
            (B, 2 * dim) float32.

        Raises:
            ValueError: if the clouds have another shape, too few points, or leave the unit sphere.
        """
        if cloud.ndim != 3 or cloud.shape[1] < self.config.group_size or cloud.shape[2] != 3:
            needed = f"(B, N, 3) with N at least {self.config.group_size}"
            raise ValueError(f"cloud: must be {needed}, not {tuple(cloud.shape)}")
        if not cloud.norm(dim=-1).max() <= 1.001:  # false for NaN, too
            raise ValueError("cloud: must be finite, centred and scaled into the unit sphere")
        return pool(self.tokens(cloud))

    @torch.no_grad()
    def tokens(self, cloud: Tensor) -> Tensor:
        """Tokens (B, G, dim) float32 of clouds (B, N, 3), which need not lie in the unit sphere."""
        centres, members = group(cloud, self.config.groups, self.config.group_size)
        return self(*patches(cloud, centres, members)).float()
