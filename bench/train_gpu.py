"""Training on a GPU at the paper's scale, with random examples.

    python bench/train_gpu.py [--model base] [--batch 512] [--compile]

Prints objects per second, the time of the paper's schedule (41,952 objects, 300 epochs), the share of the
device's rate of bf16 matrix products (measured in the same run), peak memory, the device that holds the
examples, and the ten slowest operations. Finally it resumes from a checkpoint. Without a GPU it runs on the
CPU; `--model tiny --objects 4 --batch 2 --steps 1` takes seconds there.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated

import torch
import typer
from torch import Generator, Tensor
from torch.profiler import profile

sys.path.insert(0, str(Path(__file__).parent))
from synthetic import COLOURS, examples

from crossjepa.fabric import make_fabric
from crossjepa.pretrain.cost import measure
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training

PAPER = 41_952 * 300  # objects times epochs
GPU = torch.cuda.is_available()


def wait() -> None:
    """Wait until the GPU has finished."""
    if GPU:
        torch.cuda.synchronize()


def matrix_rate(device: torch.device) -> float:
    """FLOP/s of large matrix products, in bf16 on a GPU and in float32 on a processor."""
    side, dtype = (8192, torch.bfloat16) if GPU else (256, torch.float32)
    left, right = torch.randn(2, side, side, device=device, dtype=dtype)
    left @ right
    wait()
    start = perf_counter()
    for _ in range(10):
        left @ right
    wait()
    return 10 * 2 * side**3 / (perf_counter() - start)


def steps_per_second(training: Training, batches: Tensor, generator: Generator) -> float:
    """Rate of training steps after a warm-up; a step that waits for the GPU stops the bench."""
    for rows in batches[: len(batches) // 5 + 3 * GPU]:
        training.step(rows, generator, 1e-4)
    wait()
    if GPU:
        torch.cuda.set_sync_debug_mode("error")
    start = perf_counter()
    for rows in batches:
        training.step(rows, generator, 1e-4)
    if GPU:
        torch.cuda.set_sync_debug_mode("default")
    wait()
    return len(batches) / (perf_counter() - start)


def main(
    model: Annotated[str, typer.Option(help="A size.")] = "base",
    objects: int = 8192,
    batch: int = 512,
    views: int = 6,
    target_dim: int = 768,
    steps: int = 30,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the networks.")] = False,
) -> None:
    """Measure, profile and resume."""
    settings = PretrainSettings.model_validate(
        {"model": model, "batch_size": batch, "views_per_step": views, "compile": compile}
    )
    fabric, folder = make_fabric(settings.precision), Path(tempfile.mkdtemp())
    shown = examples(objects, settings.points, 8, target_dim)
    training = Training(fabric, shown, settings, 0, folder, "bench")
    generator = Generator(fabric.device).manual_seed(0)
    batches = torch.randint(objects, (steps, batch), device=fabric.device, generator=generator)
    rate = batch * steps_per_second(training, batches, generator)
    flops, peak = (
        rate * measure(settings, COLOURS, target_dim)["step_gflops"] * 1e9,
        matrix_rate(fabric.device),
    )
    print(f"{model} on {torch.cuda.get_device_name() if GPU else 'the processor'}: {rate:,.0f} objects/s")
    print(f"the paper's schedule takes {PAPER / rate / 60:,.0f} minutes")
    print(f"{flops / 1e12:.2f} TFLOP/s, {flops / peak:.1%} of {peak / 1e12:.1f} TFLOP/s in matrix products")
    if GPU:
        print(f"peak memory {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
    print(f"{training.examples.clouds.device} holds the examples")
    with profile() as profiled:
        for rows in batches[:3]:
            training.step(rows, generator, 1e-4)
        wait()
    order = f"self_{fabric.device.type}_time_total"
    print(profiled.key_averages().table(sort_by=order, row_limit=10, max_name_column_width=60))
    training.save(1)
    resumed = Training(fabric, shown, settings, 0, folder, "bench")
    resumed.step(batches[0], generator, 1e-4)
    wait()
    print(f"resumed after epoch {resumed.first_epoch}")


if __name__ == "__main__":
    typer.run(main)
