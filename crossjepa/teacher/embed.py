"""What the frozen teacher says of images."""

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils.logging import disable_progress_bar

from crossjepa.errors import UserError
from crossjepa.progress import bar
from crossjepa.store.bundle import read_bundle
from crossjepa.store.sharded import write_shard
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.teacher.weights import read_normalisation

CPU_BATCH, GPU_BATCH = 8, 256


class Teacher:
    """A frozen vision transformer, read after one of its blocks."""

    def __init__(self, folder: Path, settings: TeacherSettings) -> None:
        """Load the weights that `fetch` left in `folder`.

        Raises:
            UserError: if `teacher.layer` is deeper than the model.
        """
        precision = "bf16-mixed" if settings.precision == "bf16" else "32-true"
        self.fabric = Fabric(accelerator="auto", devices=1, precision=precision)  # type: ignore[arg-type]
        on_cpu = self.fabric.device.type == "cpu"
        disable_progress_bar()
        # On a processor in bf16 the fused kernel takes a fifth longer than plain products.
        attention = "eager" if on_cpu else "sdpa"
        if settings.random_weights:
            torch.manual_seed(0)
            architecture = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            model = AutoModel.from_config(architecture, attn_implementation=attention)
        else:
            model = AutoModel.from_pretrained(
                folder, use_safetensors=True, trust_remote_code=False, attn_implementation=attention
            )
        vision: Any = getattr(model, "vision_model", model)
        self.layer = settings.layer
        self.width = int(vision.config.hidden_size)
        _drop_blocks_after(vision, settings)
        self.has_cls = any("cls" in name or "class_embed" in name for name, _ in vision.named_parameters())
        self.model = vision.to(self.fabric.device).eval().requires_grad_(False)
        if settings.precision == "bf16":
            _cast_products(self.model)
        self.mean, self.std = (torch.tensor(v).view(3, 1, 1) for v in read_normalisation(folder))
        self.batch = CPU_BATCH if on_cpu else GPU_BATCH

    @torch.inference_mode()
    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Embed images at the size they have.

        Args:
            images: (N, S, S, 3) uint8 RGB.

        Returns:
            (N, D) float16: the CLS token after block `teacher.layer` (the patches' mean for models without
            one), normalised to mean 0 and variance 1 over its dimensions.
        """
        pixels = torch.from_numpy(images).to(self.fabric.device).permute(0, 3, 1, 2) / 255
        pixels = (pixels - self.mean.to(pixels.device)) / self.std.to(pixels.device)
        with self.fabric.autocast():
            hidden: Tensor = self.model(pixels, output_hidden_states=True, **self._resizing).hidden_states[
                self.layer
            ]
        token = (hidden[:, 0] if self.has_cls else hidden.mean(1)).float()
        embedding: NDArray[np.float16] = F.layer_norm(token, token.shape[-1:]).half().cpu().numpy()
        return embedding

    @property
    def _resizing(self) -> dict[str, bool]:
        """Most architectures want to be told to resize their positions; DINOv2 always does."""
        wanted = "interpolate_pos_encoding"
        return {wanted: True} if wanted in signature(self.model.forward).parameters else {}


def embed_shard(teacher: Teacher, views: Path, store: Path, shard: int) -> None:
    """Embed one shard's rendered views and write it into the target store.

    Args:
        teacher: the frozen teacher.
        views: the bundle that rendering left.
        store: the laid out target store.
        shard: which shard.
    """
    arrays, attributes = read_bundle(views)
    images = arrays.pop("views")
    flat = images.reshape(-1, *images.shape[2:])
    embedding = np.empty((len(flat), teacher.width), dtype=np.float16)  # a store's last shards may be empty
    with bar(len(flat), f"embed shard {shard}", "image") as progress:
        for start in range(0, len(flat), teacher.batch):
            batch = flat[start : start + teacher.batch]
            embedding[start : start + len(batch)] = teacher.embed(batch)
            progress.update(len(batch))
    arrays["embedding"] = embedding.reshape(*images.shape[:2], teacher.width)
    write_shard(store, shard, attributes["ids"], arrays, attributes["set_aside"])


def _cast_products(vision: nn.Module) -> None:
    """Autocast would cast these weights anew for every batch, to the same values."""
    for module in vision.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(torch.bfloat16)


def _drop_blocks_after(vision: nn.Module, settings: TeacherSettings) -> None:
    """Blocks past the one that is read would be computed for nothing."""
    depth = int(vision.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    if settings.layer > depth:
        raise UserError(
            f"teacher.layer: {settings.layer} is deeper than {settings.name}, which has {depth} blocks"
        )
    stacks = [m for m in vision.modules() if isinstance(m, nn.ModuleList) and len(m) == depth]
    for stack in stacks:
        del stack[settings.layer :]
