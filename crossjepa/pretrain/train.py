"""The training loop.

Source: CrossJEPA (arXiv 2511.18424): cached targets, smooth-L1 loss, no masking, the teacher stays frozen.
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
from crossjepa.files import write_whole
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.sizes import SIZES, CrossJEPA, build
from crossjepa.pretrain.augment import draw
from crossjepa.pretrain.batch import epoch_counts, epoch_order, make_batch
from crossjepa.pretrain.examples import Examples
from crossjepa.pretrain.log import TrainingLog
from crossjepa.pretrain.measures import effective_rank, explained_variance, feature_spread
from crossjepa.pretrain.optimise import LOSSES, learning_rate, make_optimizer
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.progress import bar

LOG_STEPS = 50  # steps between records of the log
HEALTH_OBJECTS = 512  # the most recent objects, used for the measures of collapse
CHECKPOINT_SECONDS = 20.0
VALIDATIONS = 12  # approximate number of measurements on held-out objects in a run
DEVICE_SHARE = 0.5  # largest share of a GPU's free memory for the examples

logger = logging.getLogger(__name__)


class Training:
    """One run: networks, optimiser, log and checkpoint.

    All processes draw the same objects and random numbers on their devices; each computes its part of every
    batch.
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
        start: PointEncoder | None = None,
    ) -> None:
        """Start a run, or resume from the latest checkpoint of the same run.

        Args:
            fabric: the devices, launched.
            examples: the training examples.
            settings: how to train.
            seed: of weights, order, views and augmentation.
            folder: for checkpoint and logs; a killed run resumes from it.
            fingerprint: digest of everything that determines the run; other checkpoints are ignored.
            held_out: objects to measure the explained variance on; only the first process uses it.
            start: an encoder of the settings' size, whose weights a new run starts from.

        Raises:
            UserError: if a batch cannot be divided evenly, an object has fewer views than a step needs, or a
                data set's weight is too small to show any object.
        """
        self.fabric, self.settings, self.seed, self.fingerprint = fabric, settings, seed, fingerprint
        self.checkpoint = folder / "checkpoint.ckpt"
        self.counts = epoch_counts(examples.sizes, [dataset.weight for dataset in settings.datasets])
        self.batch_size = min(settings.batch_size, sum(self.counts))
        self._check(examples)
        self.steps_per_epoch = sum(self.counts) // self.batch_size
        self.steps = settings.epochs * self.steps_per_epoch
        self._place(examples, held_out)
        torch.manual_seed(seed)
        target_dim, colour_dim = examples.embedding.shape[-1], examples.colour.shape[-1]
        self.network = build(settings.model, target_dim, colour_dim, settings.conditioning)
        if start is not None:
            self.network.encoder.load_state_dict(start.state_dict())
        optimizer = make_optimizer(self.network, settings)
        model: nn.Module = torch.compile(self.network) if settings.compile else self.network  # type: ignore[assignment]
        self.model, self.optimizer = fabric.setup(model, optimizer)
        # Load a checkpoint after setup, so that the optimiser's state moves to the device, too.
        self.first_epoch, seconds = self._resume()
        self.began = time.monotonic() - seconds
        first_step = self.first_epoch * self.steps_per_epoch
        self.log = TrainingLog(folder, first_step) if fabric.is_global_zero else None

    def _check(self, examples: Examples) -> None:
        settings, world = self.settings, self.fabric.world_size
        for dataset, size, count in zip(settings.datasets, examples.sizes, self.counts, strict=True):
            if count == 0:
                raise UserError(
                    f"pretrain.datasets: a weight of {dataset.weight:g} shows none of the {size} objects of "
                    f"{dataset.name}; raise it to at least {1 / size:.2g}"
                )
        if self.batch_size % (world * settings.accumulate):
            raise UserError(
                f"pretrain.batch_size: a batch of {self.batch_size} objects cannot be divided evenly among "
                f"{world} processes in {settings.accumulate} parts each"
            )
        fewest = int((examples.views >= 0).sum(1).min())
        if fewest < settings.views_per_step:
            raise UserError(
                f"pretrain.views_per_step: {settings.views_per_step}, but an object has only {fewest} "
                f"views; set it to at most {fewest}"
            )

    def _place(self, examples: Examples, held_out: Examples | None) -> None:
        """Find the patches of clouds, and move examples to the device that will hold them."""
        device = self.fabric.device
        self.shape = SIZES[self.settings.model].encoder
        if not self.settings.partial and examples.centres is None:
            examples.cut(self.shape, device)
        self.examples = examples.to(_home(examples, self.fabric))
        self.held_out = None
        if held_out is not None and self.fabric.is_global_zero:
            held_out.cut(self.shape, device)
            self.held_out = held_out.to(device)

    def run(self) -> CrossJEPA:
        """Train to the end of the schedule; return the networks after the last step."""
        saved = time.monotonic()
        title = f"pretrain {self.settings.model}, seed {self.seed}"
        with bar(self.steps, title, "step", quiet=not self.fabric.is_global_zero) as progress:
            progress.update(self.first_epoch * self.steps_per_epoch)
            for epoch in range(self.first_epoch, self.settings.epochs):
                self._epoch(epoch, progress)
                finished = epoch + 1 == self.settings.epochs
                if self.log and (finished or time.monotonic() - saved > CHECKPOINT_SECONDS):
                    self.save(epoch + 1)
                    saved = time.monotonic()
        if self.log:
            self.log.close()
        self.fabric.barrier()
        return self.network

    def _epoch(self, epoch: int, progress: "tqdm[Any]") -> None:
        """One pass over the objects, in an order that depends only on seed and epoch."""
        generator = torch.Generator(self.fabric.device).manual_seed(self.seed * 1_000_003 + epoch)
        order = epoch_order(self.examples.sizes, self.counts, generator)
        batches = order[: self.steps_per_epoch * self.batch_size].split(self.batch_size)
        losses: list[Tensor] = []
        features: deque[Tensor] = deque(maxlen=ceil(HEALTH_OBJECTS / self.batch_size))
        began = time.monotonic()
        for index, rows in enumerate(batches, 1):
            step = epoch * self.steps_per_epoch + index
            rate = learning_rate(step - 1, self.steps, self.settings)
            loss, pooled = self.step(rows, generator, rate)
            losses.append(loss)
            features.append(pooled)
            progress.update()
            if index % LOG_STEPS == 0 or index == self.steps_per_epoch:
                loss = self.fabric.all_reduce(torch.stack(losses).mean())
                gathered = self.fabric.all_gather(torch.cat(list(features))).flatten(0, -2)
                record = {"step": step, "epoch": epoch + 1, "loss": loss.item(), "learning_rate": rate}
                record["objects_per_second"] = index * self.batch_size / (time.monotonic() - began)
                self._record(record, gathered, validate=index == self.steps_per_epoch)

    def step(self, rows: Tensor, generator: torch.Generator, rate: float) -> tuple[Tensor, Tensor]:
        """One update of the weights.

        Args:
            rows: (batch size,) int64 positions among the examples.
            generator: on the compute device.
            rate: the learning rate.

        Returns:
            The loss over this process's objects, and their (objects, dim) mean tokens.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        views, parts = self.examples.views.shape[1], self.settings.accumulate
        draws = draw(len(rows), views, self.network.branches, self.settings, generator)
        size = len(rows) // (self.fabric.world_size * parts)
        first = self.fabric.global_rank * parts * size
        losses, features = [], []
        for number in range(parts):
            part = slice(first + number * size, first + (number + 1) * size)
            drawn = {name: numbers[part] for name, numbers in draws.items()}
            *inputs, targets = make_batch(self.examples, rows[part], drawn, self.settings, self.shape)
            with self.fabric.no_backward_sync(self.model, enabled=number + 1 < parts):
                predicted, tokens = self.model(*inputs)
                loss = LOSSES[self.settings.loss](predicted.float(), targets) / parts
                self.fabric.backward(loss)
            losses.append(loss.detach())
            features.append(tokens.detach().float().mean(1))
        clip = self.settings.clip_norm
        self.fabric.clip_gradients(self.model, self.optimizer, max_norm=clip, error_if_nonfinite=False)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return torch.stack(losses).sum(), torch.cat(features)

    def _record(self, record: dict[str, float], features: Tensor, validate: bool) -> None:
        """Add time and measures to a record, and log it.

        Raises:
            UserError: if the loss is not finite.
        """
        if not isfinite(record["loss"]):
            raise UserError(f"loss {record['loss']} at step {record['step']}; lower pretrain.learning_rate")
        if self.log is None:
            return
        record["seconds"] = time.monotonic() - self.began
        features = features.cpu()  # a GPU takes longer for the singular values of so small a matrix
        record["feature_spread"] = feature_spread(features)
        record["effective_rank"] = effective_rank(features)
        epoch, spacing = record["epoch"], max(1, self.settings.epochs // VALIDATIONS)
        if validate and self.held_out and (epoch % spacing == 0 or epoch == self.settings.epochs):
            record["unseen_explained"] = explained_variance(self.network, self.held_out, self.fabric.autocast)
        self.log.write(record)

    def save(self, epoch: int) -> None:
        """Write the checkpoint after `epoch` epochs."""
        state = {
            "fingerprint": self.fingerprint,
            "epoch": epoch,
            "seconds": time.monotonic() - self.began,
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with write_whole(self.checkpoint) as partial:
            torch.save(state, partial)

    def _resume(self) -> tuple[int, float]:
        """Load the checkpoint of the same run, if there is one; return its epochs and seconds of training."""
        if not self.checkpoint.is_file():
            return 0, 0.0
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            return 0, 0.0
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        logger.info("resume after epoch %d", state["epoch"])
        return int(state["epoch"]), float(state["seconds"])


def _home(examples: Examples, fabric: Fabric) -> torch.device:
    """The device that holds the examples: the GPU if they fit on every process's GPU, else the CPU."""
    device = fabric.device
    if device.type != "cuda":
        return device
    size = sum(value.nbytes for value in vars(examples).values() if isinstance(value, Tensor))
    free, _ = torch.cuda.mem_get_info(device)
    too_large = torch.tensor(float(size >= DEVICE_SHARE * free), device=device)
    if not fabric.all_reduce(too_large, reduce_op="sum"):
        return device
    logger.info("examples take %.1f GB and stay in the host's memory, which is slower", size / 1e9)
    return torch.device("cpu")
