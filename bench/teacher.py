"""How fast the teacher embeds views.

    python bench/teacher.py [--weights FOLDER] [--size base] [--images 3328]

Without a folder of weights the teacher is a DINOv2 ViT-B/14 with random weights, which takes as long. Prints
images per second and the share of the device's rate of matrix products, of the teacher as the pipeline runs
it and of two others: all of it in bf16, and compiled.
"""

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import random_teacher
import torch
import typer
from device import GPU, busy_seconds, matrix_rate, row, seconds
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from crossjepa.teacher.description import read_description
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings

SIDE = 224


def operations(teacher: Teacher, image: NDArray[np.uint8]) -> int:
    """FLOP that the teacher takes for one image."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        teacher.tokens(image)
    return counted.get_total_flops()


def cosine(one: NDArray[np.float16], other: NDArray[np.float16]) -> float:
    """The smallest cosine between two embeddings of an image."""
    one, other = one.astype(float), other.astype(float)
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(1) / norms).min())


def main(
    weights: Annotated[Path | None, typer.Option(help="Folder with a teacher's weights.")] = None,
    size: Annotated[str, typer.Option(help="Of the teacher with random weights.")] = "base",
    images: Annotated[int, typer.Option(help="By default as in a shard of config/paper.yaml.")] = 3328,
) -> None:
    """Measure, profile, and measure the other two."""
    name, folder = f"DINOv2 {size} with random weights", Path(tempfile.mkdtemp())
    depth = random_teacher.SIZES[size][1]
    if weights:
        name, folder = read_description(weights)["name"], weights
        depth = read_description(weights)["layers"]
    else:
        random_teacher.main(folder, size)
    settings = TeacherSettings(name="facebook/dinov2-base", layer=depth)
    start = perf_counter()
    teacher = Teacher(folder, settings)
    precision = "bf16" if teacher.in_bf16 else "fp32"
    row(f"teacher: {name}, {precision}", f"loaded in {perf_counter() - start:.1f} s")
    views = np.random.default_rng(0).integers(0, 256, (images, SIDE, SIDE, 3), dtype=np.uint8)
    peak, embedded = matrix_rate() / operations(teacher, views[:1]), teacher.embed(views)

    def measure(what: str) -> float:
        taken = seconds(lambda: teacher.embed(views))
        least = cosine(teacher.embed(views), embedded)
        share = f"{images / taken / peak:.1%} of the rate of matrix products"
        row(f"teacher, {what}", f"{images / taken:,.0f} images/s, {share}, cosine at least {least:.5f}")
        return taken

    taken = measure("as the pipeline runs it")
    busy = busy_seconds(lambda: teacher.embed(views), 1)
    if GPU:
        row("teacher, the GPU waits for the host", f"{1 - busy / taken:.1%} of the time")
    # Without autocast, which keeps norms and the sums of the blocks' outputs in float32.
    teacher.model.to(torch.bfloat16)
    teacher.in_bf16 = False
    measure("all of it in bf16")
    teacher = Teacher(folder, settings)
    teacher.model.compile()
    start = perf_counter()
    teacher.embed(views[: teacher.batch])
    row("teacher, compiled, its first batch", f"{perf_counter() - start:.1f} s")
    measure("compiled")


if __name__ == "__main__":
    typer.run(main)
