"""The point encoder: patches to tokens to features. This is what pretraining is for."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crossjepa.model.grouping import group, patches
from crossjepa.model.maximum import maximum
from crossjepa.model.transformer import MLP, Block, branches_of, initialise, initialise_geometry, pool

# Offsets and centres brought to about unit size: a patch is a tenth of an object across.
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

    Normalised by layer rather than by batch, so that a cloud's token does not depend on its companions.
    """

    def __init__(self, widths: tuple[int, int, int], dim: int) -> None:
        super().__init__()
        first, second, third = widths
        self.point = MLP(3, first, second)
        self.local = nn.Linear(second, third, bias=False)  # that of `shared` does for both
        self.shared = nn.Linear(second, third)
        self.norm = nn.LayerNorm(third)
        self.out = nn.Linear(third, dim)

    def forward(self, offsets: Tensor) -> Tensor:
        """(B, G, K, 3) offsets from the centre -> (B, G, dim) tokens."""
        points = self.point(OFFSET_SCALE * offsets)
        # A layer on [point, patch maximum] split in two: the patch's share is computed once a patch. What
        # follows the second maximum, but for the norm, commutes with it, and is cheaper once a patch.
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

    def forward(
        self, offsets: Tensor, centres: Tensor, block: int | None = None, kept: Tensor | None = None
    ) -> Tensor:
        """Tokens of patches.

        Args:
            offsets: (B, G, K, 3) points relative to their patch's centre.
            centres: (B, G, 3) positions in the unit sphere, +Y up.
            block: the block after which to read them, from 1; the last when None.
            kept: (B, 2 * depth) factors of the blocks' residual branches, in training.

        Returns:
            (B, G, dim) tokens, normalised over their dimensions.
        """
        tokens = self.embed(offsets) + self.position(CENTRE_SCALE * centres)
        for number, layer in enumerate(self.blocks[:block]):
            tokens = layer(tokens, kept=branches_of(number, kept))
        last = block in (None, len(self.blocks))
        return self.norm(tokens) if last else F.layer_norm(tokens, tokens.shape[-1:])

    @torch.no_grad()
    def features(self, cloud: Tensor) -> Tensor:
        """Frozen features: the tokens' maximum beside their mean.

        Args:
            cloud: (B, N, 3) points, centred in the unit sphere, +Y up; N at least `group_size`.

        Returns:
            (B, 2 * dim) float32.

        Raises:
            ValueError: if the clouds have another shape, too few points, or leave the unit sphere.
        """
        if cloud.ndim != 3 or cloud.shape[1] < self.config.group_size or cloud.shape[2] != 3:
            wanted = f"(B, N, 3) with N of {self.config.group_size} at least"
            raise ValueError(f"cloud: must be {wanted}, not {tuple(cloud.shape)}")
        if not cloud.norm(dim=-1).max() <= 1.001:  # also where a value is not a number
            raise ValueError("cloud: must be finite, centred and scaled into the unit sphere")
        return pool(self.tokens(cloud))

    @torch.no_grad()
    def tokens(self, cloud: Tensor, block: int | None = None) -> Tensor:
        """Tokens (B, G, dim) float32 of clouds (B, N, 3), in whatever frame they come; see `forward`."""
        centres, members = group(cloud, self.config.groups, self.config.group_size)
        return self(*patches(cloud, centres, members), block).float()
