"""The training loop: clouds in, the teacher's embeddings out, smooth-L1 between.

Source: CrossJEPA (arXiv 2511.18424): cached targets, no masking, the teacher never trained.
"""

import logging
import time
from collections import deque
from dataclasses import dataclass
from math import ceil, isfinite, pi
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from crossjepa.config import PretrainConfig
from crossjepa.errors import UserError
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

logger = logging.getLogger(__name__)


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


def make_optimizer(model: nn.Module, settings: PretrainConfig) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101) that decays matrices, but no bias, norm or learned token."""
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    kept = [p for p in model.parameters() if p.ndim < 2]
    parts = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(parts, lr=settings.learning_rate, betas=(0.9, 0.95), fused=True)


class Training:
    """One run: a model, its optimiser, its logs and its checkpoint."""

    def __init__(
        self, examples: Examples, settings: PretrainConfig, seed: int, folder: Path, fingerprint: str
    ) -> None:
        """Start a run, or take up the newest checkpoint of the same run.

        Args:
            examples: what to learn from.
            settings: how to learn.
            seed: seeds weights, order, views and turns.
            folder: where the checkpoint and the logs live; outlasts a killed run.
            fingerprint: of everything that determines the run.
        """
        precision = "bf16-mixed" if settings.precision == "bf16" else "32-true"
        self.fabric = Fabric(accelerator="auto", devices=1, precision=precision)  # type: ignore[arg-type]
        self.settings = settings
        self.seed = seed
        self.fingerprint = fingerprint
        self.file = folder / "checkpoint.ckpt"
        self.examples = examples.to(self.fabric.device)
        self.steps_per_epoch = ceil(len(examples.ids) / settings.batch_size)
        self.steps = settings.epochs * self.steps_per_epoch
        self.schedule = CosineWithWarmup(
            settings.learning_rate, self.steps, round(settings.warmup * self.steps)
        )
        torch.manual_seed(seed)
        target_dim, colour_dim = examples.targets.shape[-1], examples.colour.shape[-1]
        self.bare = build(settings.model, target_dim, colour_dim, settings.conditioning)
        optimizer = make_optimizer(self.bare, settings)
        self.first_epoch = self._resume(optimizer)
        self.model, self.optimizer = self.fabric.setup(self.bare, optimizer)
        self.log = TrainingLog(folder, self.first_epoch * self.steps_per_epoch)

    def run(self) -> CrossJEPA:
        """Train to the end of the schedule; the model after the last step."""
        saved = time.monotonic()
        with bar(self.steps, f"pretrain {self.settings.model}, seed {self.seed}", "step") as progress:
            progress.update(self.first_epoch * self.steps_per_epoch)
            for epoch in range(self.first_epoch, self.settings.epochs):
                self._epoch(epoch, progress)
                finished = epoch + 1 == self.settings.epochs
                if finished or time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._save(epoch + 1)
                    saved = time.monotonic()
        self.log.close()
        return self.bare

    def _epoch(self, epoch: int, progress: "tqdm[Any]") -> None:
        """One pass over the objects, in an order that depends on seed and epoch alone."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.examples.ids), generator=generator)
        losses: list[Tensor] = []
        features: deque[Tensor] = deque(maxlen=ceil(HEALTH_OBJECTS / self.settings.batch_size))
        began = time.monotonic()
        for index, chosen in enumerate(order.split(self.settings.batch_size), start=1):
            step = epoch * self.steps_per_epoch + index
            rate = self.schedule.at(step - 1)
            batch = draw_batch(self.examples, chosen, self.settings, generator)
            loss, pooled = self._step(batch, rate)
            losses.append(loss)
            features.append(pooled)
            progress.update()
            if index % LOG_STEPS == 0 or index == self.steps_per_epoch:
                speed = index * self.settings.batch_size / (time.monotonic() - began)
                self._record(step, epoch, torch.stack(losses), rate, speed, torch.cat(list(features)))

    def _step(self, batch: Batch, rate: float) -> tuple[Tensor, Tensor]:
        """One update; the loss, and the objects' pooled tokens (B, dim)."""
        for part in self.optimizer.param_groups:
            part["lr"] = rate
        predicted, tokens = self.model(batch.offsets, batch.centres, batch.pose, batch.colour)
        loss = F.smooth_l1_loss(predicted.float(), batch.targets)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.settings.clip_norm)
        self.optimizer.step()
        return loss.detach(), tokens.detach().float().mean(1)

    def _record(
        self, step: int, epoch: int, losses: Tensor, rate: float, speed: float, features: Tensor
    ) -> None:
        loss = losses.mean().item()
        if not isfinite(loss):
            raise UserError(f"the loss is {loss} at step {step}; lower pretrain.learning_rate")
        self.log.write(
            {
                "step": step,
                "epoch": epoch + 1,
                "loss": loss,
                "learning_rate": rate,
                "objects_per_second": speed,
                "feature_spread": feature_spread(features),
                "effective_rank": effective_rank(features),
            }
        )

    def _save(self, epoch: int) -> None:
        state = {
            "fingerprint": self.fingerprint,
            "epoch": epoch,
            "model": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_checkpoint(self.file, state)

    def _resume(self, optimizer: torch.optim.Optimizer) -> int:
        """Load the checkpoint of this very run if there is one; the epoch to begin with."""
        state = load_checkpoint(self.file, self.fingerprint)
        if state is None:
            return 0
        self.bare.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        logger.info("resume after epoch %d", state["epoch"])
        return int(state["epoch"])
