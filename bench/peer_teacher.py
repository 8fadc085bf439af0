"""The teacher against a plain loop of transformers: images to CLS embeddings, in batches of 8.

The loop runs the model as `from_pretrained` gives it, in fp32 and without gradients, with its image processor
and on pixels that were processed beforehand. Ours stops at the block whose output is used, the 11th of
12; in fp32, on processors without native bf16, that is most of what it gains.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from comparison import Comparison, Options
from timing import time_rounds
from transformers import AutoImageProcessor, AutoModel, Dinov2Config, Dinov2Model

from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings

PARTS = [slice(start, start + 8) for start in range(0, 32, 8)]  # batches of the images of a round


def compare(options: Options) -> list[Comparison]:
    """Time embedding random images."""
    with tempfile.TemporaryDirectory() as work:
        folder = options.weights or random_weights(Path(work))
        teacher = Teacher(folder, TeacherSettings())
        model = AutoModel.from_pretrained(folder, dtype=torch.float32)
        processor = AutoImageProcessor.from_pretrained(folder)
    images = np.random.default_rng(0).integers(0, 256, (PARTS[-1].stop, 224, 224, 3), dtype=np.uint8)
    batches = [processor(list(images[part]), return_tensors="pt") for part in PARTS]

    @torch.no_grad()
    def embed() -> None:
        for batch in batches:
            model(**batch).last_hidden_state[:, 0].numpy()

    @torch.no_grad()
    def process_and_embed() -> None:
        for part in PARTS:
            batch = processor(list(images[part]), return_tensors="pt")
            model(**batch).last_hidden_state[:, 0].numpy()

    calls = {
        "ours": lambda: [teacher.embed(images[part]) for part in PARTS],
        "transformers, pixels ready": embed,
        "transformers with its image processor": process_and_embed,
    }
    kind = "the teacher" if options.weights else "a ViT-S/14 with random weights"
    return [Comparison(f"{len(images)} views through {kind}", time_rounds(calls, options.rounds))]


def random_weights(folder: Path) -> Path:
    """Write a DINOv2 ViT-S/14 with random weights, which is as fast as any other."""
    Dinov2Model(
        Dinov2Config(hidden_size=384, num_attention_heads=6, patch_size=14, image_size=518)
    ).save_pretrained(folder)
    processor = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder
