"""Pre-norm transformer blocks (arXiv 2002.04745) with stochastic depth (arXiv 1603.09382)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention from queries (B, Q, dim) to a context (B, T, dim)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        q = self.query(queries).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.key_value(context).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if q.is_cuda:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:  # for a few dozen tokens, the fused kernel's backward pass is several times slower on a CPU
            mixed = ((q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Sequential):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int, out: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, out))


class Block(nn.Module):
    """Self-attention, or cross-attention to a context, and an MLP, each with a residual connection."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = MLP(dim, 4 * dim, dim)

    def forward(self, tokens: Tensor, context: Tensor | None = None, scale: Tensor | None = None) -> Tensor:
        """Apply the block.

        Args:
            tokens: (B, Q, dim).
            context: (B, T, dim) to attend to; None for self-attention.
            scale: (B, 2) multipliers of the two residual branches (stochastic depth); 1 when None.

        Returns:
            (B, Q, dim).
        """
        normed = self.norm_attention(tokens)
        attended = self.attention(normed, normed if context is None else context)
        tokens = tokens + _scaled(attended, scale, 0)
        return tokens + _scaled(self.mlp(self.norm_mlp(tokens)), scale, 1)


def _scaled(change: Tensor, scale: Tensor | None, branch: int) -> Tensor:
    return change if scale is None else change * scale[:, branch, None, None].to(change.dtype)


def scale_of(block: int, scales: Tensor | None) -> Tensor | None:
    """The (B, 2) multipliers of one block, out of the (B, 2 * blocks) of all."""
    return None if scales is None else scales[:, 2 * block : 2 * block + 2]


def pool(tokens: Tensor) -> Tensor:
    """Maximum and mean over tokens, concatenated: (..., T, dim) -> (..., 2 * dim)."""
    return torch.cat([tokens.max(-2).values, tokens.mean(-2)], dim=-1)


def initialise(module: nn.Module) -> None:
    """Truncated-normal weights (std 0.02) and zero biases, as in ViT (arXiv 2010.11929)."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


def initialise_geometry(module: nn.Module) -> None:
    """He weights (arXiv 1502.01852) and zero biases, for layers that read coordinates.

    With the usual small weights and random biases all tokens start nearly equal, and training needs long to
    distinguish objects.
    """
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def parameters(module: nn.Module) -> int:
    """Number of weights in a module."""
    return sum(parameter.numel() for parameter in module.parameters())
