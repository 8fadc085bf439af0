"""A training step on the processor, compared with other steps in the same run.

    python bench/train_step.py [--weights results/weights/dinov2-small-derivative-…]

All steps of a comparison are timed in turn, so that other load slows them alike. It compares, for each size,
the package's step, the plain one of `reference_step.py` and making a batch; the sizes `base` and `large`;
and, given the teacher's weights, a step with cached targets and one that runs the teacher.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import torch
import typer

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # measure the CPU even if there is a GPU
sys.path.insert(0, str(Path(__file__).parent))
from reference_step import SIZES, ReferenceModel, reference_step
from synthetic import COLOURS, examples
from timing import Calls, time_rounds

from crossjepa.fabric import make_fabric
from crossjepa.pretrain.augment import draw
from crossjepa.pretrain.batch import Batch, make_batch
from crossjepa.pretrain.examples import Examples
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training
from crossjepa.teacher.settings import TeacherSettings

VIEWS, TARGET = 8, 384
GENERATOR = torch.Generator().manual_seed(0)


def seconds(calls: Calls, rounds: int) -> dict[str, float]:
    """Median seconds of each call."""
    spent = time_rounds(calls, rounds)
    return {name: median(each[name] for each in spent) for name in calls}


def our_step(training: Training) -> Callable[[], object]:
    """A training step of the package."""
    return lambda: training.step(torch.arange(training.batch_size), GENERATOR, 1e-3)


def data(training: Training) -> Batch:
    """A batch of the package."""
    rows, settings = torch.arange(training.batch_size), training.settings
    draws = draw(len(rows), VIEWS, training.network.branches, settings, GENERATOR)
    return make_batch(training.examples, rows, draws, settings, training.shape)


def make_training(size: str, shown: Examples, settings: PretrainSettings) -> Training:
    """Training of a size on examples."""
    fabric, folder = make_fabric(settings.precision), Path(tempfile.mkdtemp())
    return Training(fabric, shown, settings.model_copy(update={"model": size}), 0, folder, "bench")


def plain_step(size: str, training: Training) -> Callable[[], object]:
    """A training step of the reference, on batches of the package."""
    reference = ReferenceModel(SIZES[size], TARGET, COLOURS)
    optimizer = torch.optim.AdamW(reference.parameters(), lr=1e-3, weight_decay=0.05)

    def step() -> None:
        offsets, centres, pose, colour, _, targets = data(training)
        reference_step(reference, optimizer, (offsets, centres, pose, colour, targets))

    return step


def compare_with_reference(size: str, training: Training, rounds: int) -> None:
    """Print how much faster than the reference a step is, and the share of making its batch."""
    calls = {
        "ours": our_step(training),
        "reference": plain_step(size, training),
        "data": lambda: data(training),
    }
    spent = seconds(calls, rounds)
    print(
        f"{size}: {training.batch_size / spent['ours']:.1f} objects/s, "
        f"{spent['reference'] / spent['ours']:.2f} times as fast as the reference; "
        f"making a batch takes {spent['data'] / spent['ours']:.1%} of a step"
    )


def compare_with_teacher(weights: Path, training: Training, rounds: int) -> None:
    """Print how much longer a step takes that runs the teacher instead of reading cached targets."""
    from crossjepa.teacher.embed import Teacher

    teacher = Teacher(weights, TeacherSettings())
    count = training.batch_size * training.settings.views_per_step
    images = np.random.default_rng(0).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
    calls = {"cached": our_step(training), "teacher": lambda: teacher.embed(images)}
    spent = seconds(calls, max(1, rounds // 3))
    print(f"with the teacher in the loop: {1 + spent['teacher'] / spent['cached']:.1f} times as long")


def main(
    weights: Annotated[Path | None, typer.Option(help="Folder with the teacher's weights.")] = None,
    threads: int = 2,
    batch: int = 16,
    views: int = 4,
    rounds: int = 9,
    sizes: Annotated[str, typer.Option(help="Sizes to measure, separated by commas.")] = "tiny,base,large",
    changes: Annotated[str, typer.Option(help="Further settings of `pretrain`, as JSON.")] = "{}",
) -> None:
    """Print the comparisons."""
    torch.set_num_threads(threads)
    shown, options = examples(batch, 1024, VIEWS, TARGET), {"batch_size": batch, "views_per_step": views}
    settings = PretrainSettings.model_validate_json(changes).model_copy(update=options)
    trainings = {size: make_training(size, shown, settings) for size in sizes.split(",")}
    print(f"{threads} threads, {batch} objects, {views} views, median of {rounds} rounds")
    for size in [size for size in SIZES if size in trainings]:
        compare_with_reference(size, trainings[size], rounds)
    if trainings.keys() >= {"base", "large"}:
        spent = seconds({size: our_step(trainings[size]) for size in ("base", "large")}, rounds)
        print(f"large (with Point-MAE's encoder): {spent['large'] / spent['base']:.2f} times as long as base")
    if weights:
        compare_with_teacher(weights, trainings["tiny"], rounds)


if __name__ == "__main__":
    typer.run(main)
