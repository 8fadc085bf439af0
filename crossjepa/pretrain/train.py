"""The training loop: clouds in, the teacher's embeddings out, smooth-L1 between.

Source: CrossJEPA (arXiv 2511.18424): cached targets, no masking, the teacher never trained.
"""

import logging
import time
from collections import deque
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from crossjepa.errors import UserError
from crossjepa.model.grouping import patches
from crossjepa.model.jepa import CrossJEPA
from crossjepa.model.sizes import SIZES, build
from crossjepa.pretrain.artifact import save_encoder
from crossjepa.pretrain.augment import draw_chance, redraws_points
from crossjepa.pretrain.batch import draw_batch, epoch_length, epoch_order
from crossjepa.pretrain.checkpoint import load_checkpoint, save_checkpoint
from crossjepa.pretrain.examples import Examples
from crossjepa.pretrain.health import effective_rank, feature_spread
from crossjepa.pretrain.log import TrainingLog
from crossjepa.pretrain.loss import LOSSES
from crossjepa.pretrain.schedule import CosineWithWarmup
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.progress import bar

LOG_STEPS = 50
HEALTH_OBJECTS = 512
CHECKPOINT_SECONDS = 20.0
VALIDATIONS, VALIDATION_BATCH = 12, 64
DEVICE_SHARE = 0.5  # of a GPU's free memory that examples may take

logger = logging.getLogger(__name__)


def make_fabric(settings: PretrainSettings, devices: int = 1, nodes: int = 1) -> Fabric:
    """The devices to train on, in the settings' precision.

    Args:
        settings: `precision` is used.
        devices: GPUs of each node, or processes where there is none.
        nodes: machines; their launcher (srun, torchrun) starts a process for each device.
    """
    precision = "bf16-mixed" if settings.precision == "bf16" else "32-true"
    strategy = "ddp" if devices * nodes > 1 else "auto"
    return Fabric(
        accelerator="auto", devices=devices, num_nodes=nodes, strategy=strategy, precision=precision
    )  # type: ignore[arg-type]


def make_optimizer(model: nn.Module, settings: PretrainSettings) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101) that decays matrices, but no bias, norm or learned token."""
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    kept = [p for p in model.parameters() if p.ndim < 2]
    parts = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(parts, lr=settings.learning_rate, betas=(0.9, 0.95), fused=True)


def home_of(examples: Examples, fabric: Fabric) -> torch.device:
    """Where examples lie: on the devices where they leave every one room, else in the host's memory.

    Chance is drawn there too, so all processes must agree.
    """
    device = fabric.device
    if device.type != "cuda":
        return device
    size = sum(value.nbytes for value in vars(examples).values() if isinstance(value, Tensor))
    free, _ = torch.cuda.mem_get_info(device)
    crowded = torch.tensor(float(size >= DEVICE_SHARE * free), device=device)
    if not fabric.all_reduce(crowded, reduce_op="sum"):
        return device
    logger.info("examples take %.1f GB and stay in the host's memory, which is slower", size / 1e9)
    return torch.device("cpu")


class Training:
    """One run: a model, its optimiser, its logs and its checkpoint.

    Every process draws the same objects and chance, and computes its own share of each batch.
    """

    def __init__(
        self,
        fabric: Fabric,
        examples: Examples,
        settings: PretrainSettings,
        seed: int,
        folder: Path,
        fingerprint: str,
        held_out: Examples | None = None,
    ) -> None:
        """Start a run, or take up the newest checkpoint of the same run.

        Args:
            fabric: the devices, launched.
            examples: what to learn from.
            settings: how to learn.
            seed: seeds weights, order, views and augmentation.
            folder: where the checkpoint and the logs live; outlasts a killed run.
            fingerprint: of everything that determines the run.
            held_out: objects whose views are predicted now and then, but never learned.

        Raises:
            UserError: if a batch cannot be shared out evenly, or there are fewer views than a step wants.
        """
        self.fabric = fabric
        self.settings = settings
        self.seed = seed
        self.loss = LOSSES[settings.loss]
        self.fingerprint = fingerprint
        self.file = folder / "checkpoint.ckpt"
        self.weights = [learned.weight for learned in settings.datasets]
        objects = epoch_length(examples.sizes, self.weights)
        self.batch_size = min(settings.batch_size, objects)
        self._check(examples)
        self.steps_per_epoch = objects // self.batch_size
        self.steps = settings.epochs * self.steps_per_epoch
        self.schedule = CosineWithWarmup(
            settings.learning_rate, self.steps, round(settings.warmup * self.steps)
        )
        self.shape = SIZES[settings.model].encoder
        if not redraws_points(settings) and examples.centres is None:
            examples.cut(self.shape.groups, self.shape.group_size)
        if held_out is not None:
            held_out.cut(self.shape.groups, self.shape.group_size)
            held_out = held_out.to(fabric.device)
        self.held_out = held_out
        self.home = home_of(examples, fabric)
        self.examples = examples.to(self.home)
        torch.manual_seed(seed)
        target_dim, colour_dim = examples.targets.shape[-1], examples.colour.shape[-1]
        self.bare = build(
            settings.model, target_dim, colour_dim, settings.conditioning, settings.predictor_depth
        )
        optimizer = make_optimizer(self.bare, settings)
        model: nn.Module = torch.compile(self.bare) if settings.compile else self.bare  # type: ignore[assignment]
        self.model, self.optimizer = fabric.setup(model, optimizer)
        self.first_epoch, self.seconds = self._resume()  # the optimiser's state goes where its weights are
        self.began = time.monotonic()
        self.log = (
            TrainingLog(folder, self.first_epoch * self.steps_per_epoch) if fabric.is_global_zero else None
        )

    def _check(self, examples: Examples) -> None:
        parts = self.fabric.world_size * self.settings.accumulate
        if self.batch_size % parts:
            raise UserError(
                f"pretrain.batch_size: a batch of {self.batch_size} objects cannot be shared out evenly to "
                f"{self.fabric.world_size} processes in {self.settings.accumulate} parts each"
            )
        fewest = int((examples.views >= 0).sum(1).min())
        if fewest < self.settings.views_per_step:
            raise UserError(
                f"pretrain.views_per_step: {self.settings.views_per_step}, but an object has {fewest} "
                f"views only; set it to {fewest} at most"
            )

    def snapshot(self, epoch: int) -> Path:
        """Where the encoder of an epoch is kept; `run` writes those that are asked for."""
        return self.file.with_name(f"epoch{epoch}.safetensors")

    def run(self) -> CrossJEPA:
        """Train to the end of the schedule; the model after the last step."""
        saved = time.monotonic()
        what = f"pretrain {self.settings.model}, seed {self.seed}"
        with bar(self.steps, what, "step", quiet=not self.fabric.is_global_zero) as progress:
            progress.update(self.first_epoch * self.steps_per_epoch)
            for epoch in range(self.first_epoch, self.settings.epochs):
                self._epoch(epoch, progress)
                if self.log and epoch + 1 in self.settings.snapshots:
                    save_encoder(self.snapshot(epoch + 1), self.bare.encoder, {"seed": self.seed})
                finished = epoch + 1 == self.settings.epochs
                if self.log and (finished or time.monotonic() - saved > CHECKPOINT_SECONDS):
                    self.save(epoch + 1)
                    saved = time.monotonic()
        if self.log:
            self.log.close()
        self.fabric.barrier()
        return self.bare

    def _epoch(self, epoch: int, progress: "tqdm[Any]") -> None:
        """One pass over the objects, in an order that depends on seed and epoch alone."""
        generator = torch.Generator(self.home).manual_seed(self.seed * 1_000_003 + epoch)
        order = epoch_order(self.examples.sizes, self.weights, generator)
        losses: list[Tensor] = []
        features: deque[Tensor] = deque(maxlen=ceil(HEALTH_OBJECTS / self.batch_size))
        began = time.monotonic()
        for index in range(1, self.steps_per_epoch + 1):
            step = epoch * self.steps_per_epoch + index
            rate = self.schedule.at(step - 1)
            loss, pooled = self.step(
                order[(index - 1) * self.batch_size :][: self.batch_size], generator, rate
            )
            losses.append(loss)
            features.append(pooled)
            progress.update()
            if index % LOG_STEPS == 0 or index == self.steps_per_epoch:
                loss = self.fabric.all_reduce(torch.stack(losses).mean())
                seen = self.fabric.all_gather(torch.cat(list(features))).flatten(0, -2)
                value = loss.item()  # waits for the device
                speed = index * self.batch_size / (time.monotonic() - began)
                last = index == self.steps_per_epoch and self._validates(epoch)
                self._record(step, epoch, value, rate, speed, seen, self._explained() if last else None)

    def step(self, rows: Tensor, generator: torch.Generator, rate: float) -> tuple[Tensor, Tensor]:
        """One update; this process's loss, and its objects' pooled tokens (B, dim)."""
        for part in self.optimizer.param_groups:
            part["lr"] = rate
        views, points = self.examples.views.shape[1], self.examples.clouds.shape[1]
        chance = draw_chance(len(rows), views, points, self.settings, generator, self.bare.branches)
        parts, size = (
            self.settings.accumulate,
            len(rows) // self.fabric.world_size // self.settings.accumulate,
        )
        first = self.fabric.global_rank * parts * size
        losses, features = [], []
        for number in range(parts):
            own = slice(first + number * size, first + (number + 1) * size)
            batch = draw_batch(self.examples, rows[own], chance[own], self.settings, self.shape)
            batch = batch.to(self.fabric.device)
            with self.fabric.no_backward_sync(self.model, enabled=number + 1 < parts):
                seen = batch.offsets, batch.centres, batch.pose, batch.colour
                predicted, tokens = self.model(*seen, batch.kept)
                loss = self.loss(predicted.float(), batch.targets) / parts
                self.fabric.backward(loss)
            losses.append(loss.detach())
            features.append(tokens.detach().float().mean(1))
        self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=self.settings.clip_norm, error_if_nonfinite=False
        )
        self.optimizer.step()
        self.optimizer.zero_grad()
        return torch.stack(losses).sum(), torch.cat(features)

    def _validates(self, epoch: int) -> bool:
        """A dozen times in a run, and at its end."""
        spacing = max(1, self.settings.epochs // VALIDATIONS)
        return self.log is not None and (epoch + 1 == self.settings.epochs or (epoch + 1) % spacing == 0)

    @torch.no_grad()
    def _explained(self) -> float | None:
        """Share of the variance of unseen objects' targets that is predicted; none without such objects.

        Their own mean and deviation are the measure, whatever was learned from: every dimension counts alike.
        """
        examples = self.held_out
        if examples is None or examples.centres is None or examples.members is None:
            return None
        missed, whole = 0.0, 0.0
        said = examples.targets[examples.views[examples.views >= 0]]
        mean, spread = said.mean(0), said.std(0).clamp_min(1e-6)
        self.bare.eval()
        for rows in torch.arange(len(examples.ids), device=examples.clouds.device).split(VALIDATION_BATCH):
            cut = patches(examples.clouds[rows], examples.centres[rows], examples.members[rows])
            views = examples.views[rows].clamp_min(0)
            there = (examples.views[rows] >= 0).unsqueeze(-1)
            with self.fabric.autocast():
                predicted, _ = self.bare(*cut, examples.pose[views], examples.colour[views])
            targets = examples.targets[views]
            missed += (there * ((predicted.float() - targets) / spread).square()).sum().item()
            whole += (there * ((targets - mean) / spread).square()).sum().item()
        self.bare.train()
        return 1 - missed / whole

    def _record(
        self,
        step: int,
        epoch: int,
        loss: float,
        rate: float,
        speed: float,
        features: Tensor,
        explained: float | None,
    ) -> None:
        if not isfinite(loss):
            raise UserError(f"the loss is {loss} at step {step}; lower pretrain.learning_rate")
        if self.log:
            record = {
                "step": step,
                "epoch": epoch + 1,
                "loss": loss,
                "learning_rate": rate,
                "objects_per_second": speed,
                "seconds": self._spent(),
                "feature_spread": feature_spread(features),
                "effective_rank": effective_rank(features),
            }
            self.log.write(record if explained is None else record | {"unseen_explained": explained})

    def _spent(self) -> float:
        """Seconds of training, those before the last resumption included."""
        return self.seconds + time.monotonic() - self.began

    def save(self, epoch: int) -> None:
        """Write the checkpoint from which the same run goes on after `epoch` epochs."""
        state = {
            "fingerprint": self.fingerprint,
            "epoch": epoch,
            "seconds": self._spent(),
            "model": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_checkpoint(self.file, state)

    def _resume(self) -> tuple[int, float]:
        """Load the checkpoint of this very run if there is one: its epoch and seconds."""
        state = load_checkpoint(self.file, self.fingerprint)
        if state is None:
            return 0, 0.0
        self.bare.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        logger.info("resume after epoch %d", state["epoch"])
        return int(state["epoch"]), float(state["seconds"])
