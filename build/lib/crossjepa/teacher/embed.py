"""Embedding images with the frozen teacher."""

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

from crossjepa.devices import make_fabric, resolve_precision
from crossjepa.errors import UserError
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.teacher.weights import read_normalisation

CPU_BATCH, GPU_BATCH = 8, 256
TRIAL_SIZE = 224  # pixels: enough patches that no model that masks at random keeps the same ones twice
ROUNDING = 0.02  # of embeddings with variance 1


class Teacher:
    """A frozen vision transformer, read after one of its blocks."""

    def __init__(self, folder: Path, settings: TeacherSettings) -> None:
        """Load the weights that `fetch` wrote into `folder`.

        Raises:
            UserError: if `teacher.layer` is deeper than the model, or the model embeds one image differently
                each time or to values that are not finite.
        """
        precision = resolve_precision(settings.precision)
        self.fabric = make_fabric(precision)
        on_cpu = self.fabric.device.type == "cpu"
        self.batch = CPU_BATCH if on_cpu else GPU_BATCH
        # On a processor in bf16 the fused attention kernel takes a fifth longer than plain products.
        vision = _load(folder, settings.random_weights, "eager" if on_cpu else "sdpa")
        self.layer = settings.layer
        self.width = int(vision.config.hidden_size)
        _drop_blocks_after(vision, settings)
        self.has_cls = any("cls" in name or "class_embed" in name for name, _ in vision.named_parameters())
        # Most architectures resize their position embeddings only when asked; DINOv2 always does.
        resize = "interpolate_pos_encoding"
        self.options = {resize: True} if resize in signature(vision.forward).parameters else {}
        self.model = vision.to(self.fabric.device).eval().requires_grad_(False)
        if precision == "bf16":
            _cast_products(self.model)
        normalisation = torch.tensor(read_normalisation(folder), device=self.fabric.device)
        self.mean, self.std = normalisation.view(2, 3, 1, 1)
        self._check_repeatable(settings.name)

    @torch.inference_mode()
    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Embed images at the size they have.

        Args:
            images: (N, S, S, 3) uint8 RGB.

        Returns:
            (N, D) float16: the CLS token after block `teacher.layer` (the mean of the patch tokens for models
            without one), normalised to mean 0 and variance 1 over its dimensions.
        """
        pixels = torch.from_numpy(images).to(self.fabric.device).permute(0, 3, 1, 2) / 255
        with self.fabric.autocast():
            output = self.model((pixels - self.mean) / self.std, output_hidden_states=True, **self.options)
        hidden: Tensor = output.hidden_states[self.layer]
        token = (hidden[:, 0] if self.has_cls else hidden.mean(1)).float()
        embedding: NDArray[np.float16] = F.layer_norm(token, token.shape[-1:]).half().cpu().numpy()
        return embedding

    def _check_repeatable(self, name: str) -> None:
        trial = np.random.default_rng(0).integers(0, 256, (1, TRIAL_SIZE, TRIAL_SIZE, 3), dtype=np.uint8)
        first, second = self.embed(trial).astype(float), self.embed(trial).astype(float)
        if not np.isfinite([first, second]).all():
            remedy = "fetch its weights again, set teacher.precision to fp32, or name another"
            raise UserError(
                f"teacher.name: {name} embeds a trial image to values that are not finite; {remedy}"
            )
        if np.abs(first - second).max() > ROUNDING:
            why = "probably because it masks patches at random (as ViTMAE does); name one that does not"
            raise UserError(f"teacher.name: {name} embeds the same image differently each time, {why}")


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
    """Cast linear and patch weights to bf16 once; autocast would cast them anew for every batch."""
    for module in vision.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(torch.bfloat16)


def _drop_blocks_after(vision: Any, settings: TeacherSettings) -> None:
    """Remove the blocks past the one that is read, which would be computed for nothing."""
    layer, depth = settings.layer, int(vision.config.num_hidden_layers)
    if layer > depth:
        raise UserError(f"teacher.layer: {layer} is deeper than {settings.name}, which has {depth} blocks")
    for module in list(vision.modules()):
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            del module[layer:]
