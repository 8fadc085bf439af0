"""The training loop: clouds in, the teacher's embeddings out, smooth-L1 between.

Source: CrossJEPA (arXiv 2511.18424): cached targets, no masking, the teacher never trained.
"""

import logging
import time
from collections import deque
from dataclasses import dataclass
from math import ceil, pi
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from crossjepa.config import PretrainConfig
from crossjepa.model.grouping import patches
from crossjepa.model.jepa import CrossJEPA
from crossjepa.model.rotation import turn_cameras, turn_points
from crossjepa.model.sizes import build
from crossjepa.pretrain.checkpoint import load_checkpoint, save_checkpoint
from crossjepa.pretrain.examples import Examples
from crossjepa.pretrain.health import effective_rank, feature_spread
from crossjepa.pretrain.log import TrainingLog
from crossjepa.pretrain.schedule import CosineWithWarmup
from crossjepa.progress import bar

LOG_STEPS = 50
HEALTH_OBJECTS = 512
CHECKPOINT_SECONDS = 20.0

log = logging.getLogger(__name__)


@dataclass
class Batch:
    """What one step sees, on the device."""

    offsets: Tensor
    centres: Tensor
    pose: Tensor
    colour: Tensor
    targets: Tensor


def draw_batch(
    examples: Examples, chosen: Tensor, settings: PretrainConfig, generator: torch.Generator
) -> Batch:
    """Draw views of the chosen objects, and turn clouds and cameras together.

    Args:
        examples: where to draw from.
        chosen: (B,) int64 positions among the examples, on the CPU.
        settings: how many views, and whether to turn.
        generator: a CPU generator; the only source of chance.
    """
    device = examples.clouds.device
    drawn = torch.rand(len(chosen), examples.pose.shape[1], generator=generator).argsort(1)
    views = drawn[:, : settings.views_per_step].to(device)
    turn = torch.rand(len(chosen), generator=generator) * 2 * pi * settings.rotation
    angle, rows = turn.to(device), chosen.to(device)
    offsets, centres = patches(examples.clouds[rows], examples.centres[rows], examples.members[rows])
    seen = (rows[:, None], views)
    return Batch(
        offsets=turn_points(offsets, angle),
        centres=turn_points(centres, angle),
        pose=turn_cameras(examples.pose[seen], angle),
        colour=examples.colour[seen],
        targets=examples.targets[seen],
    )


def make_optimizer(model: nn.Module, settings: PretrainConfig, fused: bool) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101) that decays matrices, but no bias, norm or learned token."""
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    kept = [p for p in model.parameters() if p.ndim < 2]
    parts = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(parts, lr=settings.learning_rate, betas=(0.9, 0.95), fused=fused)


def train(
    examples: Examples, settings: PretrainConfig, seed: int, folder: Path, fingerprint: str
) -> tuple[CrossJEPA, dict[str, Any]]:
    """Train to the end of the schedule, from the newest checkpoint of the same run if there is one.

    Args:
        examples: what to learn from.
        settings: how to learn.
        seed: seeds weights, order, views and turns.
        folder: where the checkpoint and the logs live; outlasts a killed run.
        fingerprint: of everything that determines the run.

    Returns:
        The model at the last step, and a summary: steps, device, final loss.
    """
    fabric = Fabric(
        accelerator="auto", devices=1, precision="bf16-mixed" if settings.precision == "bf16" else "32-true"
    )
    torch.manual_seed(seed)
    bare = build(
        settings.model, examples.targets.shape[-1], examples.colour.shape[-1], settings.conditioning
    )
    optimizer = make_optimizer(bare, settings, fused=True)
    file = folder / "checkpoint.ckpt"
    state = load_checkpoint(file, fingerprint)
    if state is not None:
        bare.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        log.info("resume after epoch %d", state["epoch"])
    model, fast_optimizer = fabric.setup(bare, optimizer)
    examples = examples.to(fabric.device)
    steps_per_epoch = ceil(len(examples.ids) / settings.batch_size)
    steps = settings.epochs * steps_per_epoch
    schedule = CosineWithWarmup(settings.learning_rate, steps, round(settings.warmup * steps))
    first_epoch = 0 if state is None else int(state["epoch"])
    records = TrainingLog(folder, first_epoch * steps_per_epoch)
    saved = time.monotonic()
    with bar(steps, f"pretrain {settings.model}, seed {seed}", "step") as progress:
        progress.update(first_epoch * steps_per_epoch)
        for epoch in range(first_epoch, settings.epochs):
            losses: list[Tensor] = []
            features: deque[Tensor] = deque(maxlen=ceil(HEALTH_OBJECTS / settings.batch_size))
            began = time.monotonic()
            generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
            order = torch.randperm(len(examples.ids), generator=generator)
            for index, chosen in enumerate(order.split(settings.batch_size), start=1):
                step = epoch * steps_per_epoch + index
                rate = schedule.at(step - 1)
                for part in fast_optimizer.param_groups:
                    part["lr"] = rate
                batch = draw_batch(examples, chosen, settings, generator)
                predicted, tokens = model(batch.offsets, batch.centres, batch.pose, batch.colour)
                loss = F.smooth_l1_loss(predicted.float(), batch.targets)
                fast_optimizer.zero_grad()
                fabric.backward(loss)
                fabric.clip_gradients(model, fast_optimizer, max_norm=settings.clip_norm)
                fast_optimizer.step()
                losses.append(loss.detach())
                features.append(tokens.detach().mean(1))
                progress.update()
                if index % LOG_STEPS == 0 or index == steps_per_epoch:
                    pooled = torch.cat(list(features))
                    mean_loss = torch.stack(losses).mean().item()
                    if mean_loss != mean_loss:
                        raise FloatingPointError(f"the loss is not a number at step {step}")
                    records.write(
                        {
                            "step": step,
                            "epoch": epoch + 1,
                            "loss": mean_loss,
                            "learning_rate": rate,
                            "objects_per_second": index * settings.batch_size / (time.monotonic() - began),
                            "feature_spread": feature_spread(pooled),
                            "effective_rank": effective_rank(pooled),
                        }
                    )
                    progress.set_postfix(loss=f"{mean_loss:.4f}")
            last = epoch + 1 == settings.epochs
            if last or time.monotonic() - saved > CHECKPOINT_SECONDS:
                saved = time.monotonic()
                save_checkpoint(
                    file,
                    {
                        "fingerprint": fingerprint,
                        "epoch": epoch + 1,
                        "model": bare.state_dict(),
                        "optimizer": optimizer.state_dict(),
                    },
                )
    records.close()
    return bare, {"steps": steps, "device": str(fabric.device)}
