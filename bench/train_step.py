"""A training step on the processor, as ratios: one command, one run.

    python bench/train_step.py [--weights results/weights/dinov2-small-derivative-…]

Everything is timed in turn, so that a busy machine slows all alike: the package's step beside the
prototype's plain one, for both sizes; the share of a step that its data take; an encoder of Point-MAE's size
in the same loop; and, given the teacher's weights, the step with the teacher asked anew instead of its
cached targets.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # it measures the processor, also where there is a GPU
sys.path.insert(0, str(Path(__file__).parent))
from reference_step import SIZES, ReferenceModel, reference_step
from synthetic import COLOURS, examples

from crossjepa.devices import make_fabric
from crossjepa.pretrain.augment import draw
from crossjepa.pretrain.batch import make_batch
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training
from crossjepa.teacher.settings import TeacherSettings

VIEWS, TARGET = 8, 384


def seconds(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call, all of them in turn."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start = perf_counter()
            call()
            if number:  # the first round warms up
                spent[name].append(perf_counter() - start)
    return {name: median(times) for name, times in spent.items()}


def main(
    weights: Annotated[Path | None, typer.Option(help="Folder with the teacher's weights.")] = None,
    threads: int = 2,
    batch: int = 16,
    views: int = 4,
    rounds: int = 9,
    changes: Annotated[str, typer.Option(help="Further settings of `pretrain`, as JSON.")] = "{}",
) -> None:
    """Print the ratios."""
    torch.set_num_threads(threads)
    shown = examples(max(64, batch), 1024, VIEWS, TARGET)
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(batch)

    def ours(size: str) -> Training:
        values = {"model": size, "batch_size": batch, "views_per_step": views}
        settings = PretrainSettings.model_validate_json(changes).model_copy(update=values)
        folder = Path(tempfile.mkdtemp())
        return Training(make_fabric(settings.precision), shown, settings, 0, folder, "bench")

    def data(training: Training) -> tuple[torch.Tensor, ...]:
        settings = training.settings
        draws = draw(batch, VIEWS, training.network.branches, settings, generator)
        made = make_batch(training.examples, rows, draws, settings, training.shape)
        return made.offsets, made.centres, made.pose, made.colour, made.targets

    print(f"{threads} threads, {batch} objects, {views} views, median of {rounds} rounds")
    for size in ("tiny", "base"):
        training = ours(size)
        reference = ReferenceModel(SIZES[size], TARGET, COLOURS)
        optimizer = torch.optim.AdamW(reference.parameters(), lr=1e-3, weight_decay=0.05)
        spent = seconds(
            {
                "ours": lambda t=training: t.step(rows, generator, 1e-3),
                "reference": lambda t=training, m=reference, o=optimizer: reference_step(m, o, data(t)),
                "data": lambda t=training: data(t),
            },
            rounds,
        )
        rate, plain = batch / spent["ours"], batch / spent["reference"]
        print(
            f"{size}: {rate:.1f} objects/s, the reference {plain:.1f}: {rate / plain:.2f} times as fast; "
            f"data {spent['data'] / spent['ours']:.1%} of a step"
        )
    sizes = {size: ours(size) for size in ("base", "large")}
    calls: dict[str, Callable[[], object]] = {
        size: lambda t=training: t.step(rows, generator, 1e-3) for size, training in sizes.items()
    }
    spent = seconds(calls, rounds)
    print(f"an encoder of 12 x 384 instead of base: {spent['large'] / spent['base']:.2f} times as long")
    if weights:
        from crossjepa.teacher.embed import Teacher

        teacher, training = Teacher(weights, TeacherSettings()), ours("tiny")
        images = np.random.default_rng(0).integers(0, 256, (batch * views, 224, 224, 3), dtype=np.uint8)
        calls = {
            "cached": lambda: training.step(rows, generator, 1e-3),
            "teacher": lambda: teacher.embed(images),
        }
        spent = seconds(calls, max(1, rounds // 3))
        ratio = (spent["cached"] + spent["teacher"]) / spent["cached"]
        print(f"tiny with the teacher in the loop instead of cached targets: {ratio:.1f} times as long")


if __name__ == "__main__":
    typer.run(main)
