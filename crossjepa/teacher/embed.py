"""Embedding images with the frozen teacher."""

import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils.logging import disable_progress_bar

from crossjepa.devices import find_device, resolve_precision
from crossjepa.errors import UserError
from crossjepa.teacher.normalisation import read_normalisation
from crossjepa.teacher.settings import TeacherSettings

CPU_BATCH, GPU_BATCH = 8, 256
# Tokens that a transformer adds to its patches are parameters of its embeddings under these names.
CLS = r"embeddings\.(cls|class)_\w+"
ADDED = rf"{CLS}|embeddings\.(register|distillation|detection)_tokens?"


class Teacher:
    """A frozen vision transformer whose tokens are taken after one of its blocks."""

    def __init__(self, folder: Path, settings: TeacherSettings) -> None:
        """Load the weights that `fetch` wrote into `folder`; `fetch` has tried them, too.

        Raises:
            UserError: if `teacher.layer` is deeper than the model.
        """
        self.device = find_device()
        self.in_bf16 = resolve_precision(settings.precision) == "bf16"
        on_cpu = self.device.type == "cpu"
        self.batch = CPU_BATCH if on_cpu else GPU_BATCH
        # On a processor in bf16 the fused attention kernel takes a fifth longer than plain products.
        vision = _load(folder, settings.random_weights, "eager" if on_cpu else "sdpa")
        self.layer = settings.layer
        self.width = int(vision.config.hidden_size)
        _drop_blocks_after(vision, settings)
        sizes = {name: parameter.numel() for name, parameter in vision.named_parameters()}
        self.has_cls = any(re.fullmatch(CLS, name) for name in sizes)
        self.added = sum(size for name, size in sizes.items() if re.fullmatch(ADDED, name)) // self.width
        # Most architectures resize their position embeddings only on request; DINOv2 always does.
        self.arguments = signature(vision.forward).parameters
        resize = "interpolate_pos_encoding"
        self.options = {resize: True} if resize in self.arguments else {}
        if hasattr(vision.config, "mask_ratio"):  # ViT-MAE would see a random quarter of the patches
            vision.config.mask_ratio = 0.0
        self.model = vision.to(self.device).eval().requires_grad_(False)
        if self.in_bf16:
            _cast_products(self.model)
        normalisation = torch.tensor(read_normalisation(folder), device=self.device)
        self.mean, self.std = normalisation.view(2, 3, 1, 1)

    @torch.inference_mode()
    def embed(
        self, images: NDArray[np.uint8], embedded: Callable[[int], object] = lambda _: None
    ) -> NDArray[np.float16]:
        """Embed images at the size they have, `batch` at a time.

        Args:
            images: (N, S, S, 3) uint8 RGB.
            embedded: called with the number of images of each batch; a GPU may still be at work on them.

        Returns:
            (N, D) float16: the CLS token after block `teacher.layer` (the mean of the patch tokens for models
            without one), normalised to mean 0 and variance 1 over its dimensions.
        """
        # A GPU keeps all of them until the end: it would stand still while each batch were waited for.
        embeddings = torch.empty(len(images), self.width, dtype=torch.float16, device=self.device)
        for start in range(0, len(images), self.batch):
            token = self.summary(self.tokens(images[start : start + self.batch])).float()
            embeddings[start : start + len(token)] = F.layer_norm(token, token.shape[-1:])
            embedded(len(token))
        return embeddings.cpu().numpy()

    def tokens(self, images: NDArray[np.uint8]) -> Tensor:
        """Tokens (N, `added` + `patches`, D) after block `teacher.layer` of (N, S, S, 3) uint8 images."""
        given = torch.from_numpy(images)
        if self.device.type == "cuda":  # which can then copy the images while the host goes on
            given = given.pin_memory()
        pixels = given.to(self.device, non_blocking=True).permute(0, 3, 1, 2) / 255
        options: dict[str, Any] = dict(self.options)
        if "noise" in self.arguments:  # ViT-MAE sorts the patches by it
            order = torch.arange(self.patches(images.shape[1]), device=pixels.device)
            options["noise"] = order.expand(len(images), -1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bf16):
            output = self.model((pixels - self.mean) / self.std, output_hidden_states=True, **options)
        hidden: Tensor = output.hidden_states[self.layer]
        return hidden

    def summary(self, tokens: Tensor) -> Tensor:
        """The (N, D) CLS tokens, or means of the patch tokens, of (N, T, D) tokens."""
        return tokens[:, 0] if self.has_cls else tokens[:, self.added :].mean(1)

    def patches(self, size: int) -> int:
        """Number of whole patches in an image of `size` pixels a side."""
        patch = self.model.config.patch_size
        return int((size // (patch if isinstance(patch, int) else patch[0])) ** 2)


def _load(folder: Path, random_weights: bool, attention: str) -> Any:
    """The vision part of the model in `folder`, in float32."""
    disable_progress_bar()
    options: dict[str, Any] = {"attn_implementation": attention, "dtype": torch.float32}
    if random_weights:
        torch.manual_seed(0)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model = AutoModel.from_config(config, **options)
    else:
        model = AutoModel.from_pretrained(folder, use_safetensors=True, trust_remote_code=False, **options)
    return getattr(model, "vision_model", model)


def _cast_products(vision: nn.Module) -> None:
    """Cast linear and patch weights to bf16 once; autocast would cast them again for every batch."""
    for module in vision.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(torch.bfloat16)


def _drop_blocks_after(vision: Any, settings: TeacherSettings) -> None:
    """Remove the blocks after the one whose tokens are taken: their output is not needed."""
    layer, depth = settings.layer, int(vision.config.num_hidden_layers)
    if layer > depth:
        raise UserError(f"teacher.layer: {layer} is deeper than {settings.name}, which has {depth} blocks")
    for module in list(vision.modules()):
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            del module[layer:]
