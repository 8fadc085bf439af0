"""Training on a GPU at the paper's scale, on made-up examples: one command.

    python bench/train_gpu.py [--model base] [--batch 512] [--compile]

Prints objects a second and what the paper's schedule (41,952 objects, 300 epochs) would take, the share of
the device's matrix rate in bf16, which is measured beside it, peak memory, where the examples lie, and the
ten operations that take longest; then resumes from a checkpoint. Without a GPU it runs on the processor, for
which `--model tiny --objects 64 --batch 16 --steps 3` is enough.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated

import torch
import typer
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).parent))
from synthetic import COLOURS, examples

from crossjepa.devices import make_fabric
from crossjepa.pretrain.cost import measure
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training

PAPER = 41_952 * 300  # objects times epochs


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_rate(device: torch.device) -> float:
    """FLOP/s of a large bf16 product."""
    side = 8192 if device.type == "cuda" else 1024
    left, right = torch.randn(2, side, side, device=device, dtype=torch.bfloat16)
    left @ right
    wait(device)
    start = perf_counter()
    for _ in range(10):
        left @ right
    wait(device)
    return 10 * 2 * side**3 / (perf_counter() - start)


def main(
    model: Annotated[str, typer.Option(help="A size.")] = "base",
    objects: int = 8192,
    batch: int = 512,
    views: int = 6,
    target_dim: int = 768,
    steps: int = 30,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the networks.")] = False,
) -> None:
    """Print rate, share of peak, memory and the profile's top ten."""
    settings = PretrainSettings.model_validate(
        {"model": model, "batch_size": batch, "views_per_step": views, "compile": compile}
    )
    fabric = make_fabric(settings.precision)
    shown = examples(objects, settings.points, 8, target_dim)
    folder = Path(tempfile.mkdtemp())
    training = Training(fabric, shown, settings, 0, folder, "bench")
    device = fabric.device
    generator = torch.Generator(device).manual_seed(0)
    batches = torch.randint(objects, (steps, batch), device=device, generator=generator)
    for rows in batches[: max(3, steps // 5)]:
        training.step(rows, generator, 1e-4)
    wait(device)
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")  # a step that waits for the device stops the bench
    start = perf_counter()
    for rows in batches:
        training.step(rows, generator, 1e-4)
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("default")
    wait(device)
    rate = steps * batch / (perf_counter() - start)
    gflops = measure(settings, COLOURS, target_dim)["step_gflops"]
    peak = matrix_rate(device)
    print(f"{model} on {torch.cuda.get_device_name(device) if device.type == 'cuda' else 'the processor'}")
    print(f"{rate:,.0f} objects/s; the paper's schedule in {PAPER / rate / 60:,.0f} minutes")
    print(
        f"{gflops:.2f} GFLOP an object: {rate * gflops / 1e3:.2f} TFLOP/s, "
        f"{rate * gflops * 1e9 / peak:.1%} of the matrix rate of {peak / 1e12:.1f} TFLOP/s"
    )
    if device.type == "cuda":
        print(f"peak memory {torch.cuda.max_memory_allocated(device) / 1e9:.1f} GB")
    print(f"examples lie on {training.examples.clouds.device}")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=activities) as profiled:
        for rows in batches[:3]:
            training.step(rows, generator, 1e-4)
        wait(device)
    order = "self_cuda_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(profiled.key_averages().table(sort_by=order, row_limit=10, max_name_column_width=60))
    training.save(1)
    resumed = Training(fabric, shown, settings, 0, folder, "bench")
    resumed.step(batches[0], generator, 1e-4)
    wait(device)
    print(f"a run resumed after epoch {resumed.first_epoch}")


if __name__ == "__main__":
    typer.run(main)
