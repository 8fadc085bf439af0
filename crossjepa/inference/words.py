"""Words and imagined views in the joint space of CLIP (arXiv 2103.00020), if that was the teacher."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.inference.pretrained import Pretrained
from crossjepa.inference.teacher import find_teacher

PROMPT = "a photo of a {}"


def read_words(text: str, encoder: Pretrained) -> NDArray[np.float32]:
    """(P,) float32: CLIP's embedding of a text.

    Raises:
        UserError: if the encoder's teacher knows no words.
    """
    from transformers import AutoTokenizer

    clip, folder = _clip(encoder)
    tokens = AutoTokenizer.from_pretrained(folder)(PROMPT.format(text), return_tensors="pt", truncation=True)
    with torch.inference_mode():
        pooled = clip.text_model(**tokens).pooler_output
        return np.asarray(clip.text_projection(pooled)[0].float())


def project(imagined: NDArray[np.float32], encoder: Pretrained) -> NDArray[np.float32]:
    """(N, P) float32 of length 1: imagined embeddings (N, E), as CLIP projects those of images.

    Raises:
        UserError: if the encoder's teacher knows no words.
    """
    clip, _ = _clip(encoder)
    assert encoder.imagination is not None  # or nothing would have been imagined
    mean, std = encoder.imagination.mean.cpu(), encoder.imagination.std.cpu()
    with torch.inference_mode():
        hidden = torch.from_numpy(imagined) * std + mean
        joint = clip.visual_projection(clip.vision_model.post_layernorm(hidden))
        return np.asarray(torch.nn.functional.normalize(joint, dim=1))


def _clip(encoder: Pretrained) -> tuple[Any, Path]:
    """The whole of the encoder's teacher, and its folder."""
    from transformers import AutoConfig, CLIPModel

    folder, settings = find_teacher(encoder.provenance, encoder.folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if config.model_type != "clip" or settings.layer != config.vision_config.num_hidden_layers:
        raise UserError(
            f"the encoder's teacher, {settings.name} after block {settings.layer}, knows no words; search by "
            "a mesh, a cloud or a photo, or train with the last block of a CLIP model (teacher.name: "
            "openai/clip-vit-base-patch32, teacher.layer: 12)"
        )
    return CLIPModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32).eval(), folder
