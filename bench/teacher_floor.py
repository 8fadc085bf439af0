"""How close the teacher comes to the machine's matrix rate: one command, one ratio, one thread.

    python bench/teacher_floor.py --weights results/weights/dinov2-small-derivative-…

The floor is the time that the teacher's operations would take at the rate of plain matrix products of
its own sizes in the same precision. Both are timed in turn, so that a busy machine slows both.
"""

import os
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer
from torch.utils.flop_counter import FlopCounterMode

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # it measures the processor, also where there is a GPU

from crossjepa.teacher.embed import CPU_BATCH, Teacher
from crossjepa.teacher.settings import TeacherSettings


def matrix_rate(dtype: torch.dtype, tokens: int, width: int) -> float:
    """FLOP/s of one product of the size of a block's widest layer."""
    left, right = torch.randn(tokens, width, dtype=dtype), torch.randn(width, 4 * width, dtype=dtype)
    left @ right
    start = perf_counter()
    for _ in range(10):
        left @ right
    return 10 * 2 * tokens * width * 4 * width / (perf_counter() - start)


def main(
    weights: Annotated[Path, typer.Option(help="Folder with the teacher's weights.")],
    image_size: int = 224,
    layer: int = 11,
    rounds: int = 7,
) -> None:
    """Print the share of the matrix rate that embedding reaches, in both precisions."""
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (CPU_BATCH, image_size, image_size, 3), dtype=np.uint8)
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        teacher = Teacher(weights, TeacherSettings(precision=precision, layer=layer))
        with FlopCounterMode(display=False) as counter:
            teacher.embed(images)
        tokens = CPU_BATCH * ((image_size // 14) ** 2 + 1)
        rates, seconds = [], []
        for _ in range(rounds):
            rates.append(matrix_rate(dtype, tokens, teacher.width))
            start = perf_counter()
            teacher.embed(images)
            seconds.append(perf_counter() - start)
        floor = counter.get_total_flops() / median(rates)
        print(
            f"{precision}: {1000 * median(seconds) / CPU_BATCH:.1f} ms an image, "
            f"{1000 * floor / CPU_BATCH:.1f} ms at the matrix rate of {median(rates) / 1e9:.0f} GFLOP/s: "
            f"{median(seconds) / floor:.2f} times the floor"
        )


if __name__ == "__main__":
    typer.run(main)
