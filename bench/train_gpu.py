"""Training on a GPU at the paper's scale, with random examples.

    python bench/train_gpu.py [--model base] [--batch 128] [--compile]

Trains as config/paper.yaml says for a few epochs, and prints objects per second with everything that a run
does (log, measures, checkpoint), the time of the paper's schedule, the share of the device's rate of matrix
products, what making batches takes, how long the GPU waits for the host, and peak memory. It fails if a step
makes the host wait for the GPU. Without a GPU it runs on the processor.
"""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer
from device import GPU, busy_seconds, matrix_rate, row, seconds, wait
from synthetic import COLOURS, examples
from torch import Generator

from crossjepa.fabric import make_fabric
from crossjepa.pretrain.augment import draw
from crossjepa.pretrain.batch import make_batch
from crossjepa.pretrain.cost import measure
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training
from crossjepa.settings import read_section

CONFIG = Path(__file__).parent.parent / "config/paper.yaml"
VIEWS, TARGET = 8, 768  # views of an object, and width of DINOv2 ViT-B/14
PAPER = 41_952 * 300  # objects times epochs


def main(
    model: Annotated[str, typer.Option(help="A size.")] = "base",
    batch: Annotated[int, typer.Option(help="Objects in a step.")] = 128,
    objects: Annotated[int, typer.Option(help="Objects in an epoch.")] = 41_952,
    epochs: Annotated[int, typer.Option(help="The last one is measured.")] = 3,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the networks.")] = False,
) -> None:
    """Measure and profile."""
    changes = {"model": model, "batch_size": batch, "epochs": epochs, "compile": compile}
    settings = read_section(PretrainSettings, "pretrain", str(CONFIG)).model_copy(update=changes)
    fabric, folder = make_fabric(settings.precision), Path(tempfile.mkdtemp())
    shown = examples(objects, settings.points, VIEWS, TARGET)
    training = Training(fabric, shown, settings, 0, folder, "bench")
    training.run()
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    name = f"training {model}, batch {training.batch_size}, {'compiled' if compile else 'eager'}"
    rate = records[-1]["objects_per_second"]
    share = rate * measure(settings, COLOURS, TARGET)["step_gflops"] * 1e9 / matrix_rate()
    row(name, f"{rate:,.0f} objects/s, {share:.1%} of the rate of matrix products")
    row(f"{name}, 41,952 objects for 300 epochs", f"{PAPER / rate / 60:,.0f} minutes")
    row(f"{name}, epochs before the last", f"{records[-1]['seconds'] - objects / rate:.1f} s")
    if GPU:
        row(f"{name}, peak memory", f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
    row(f"{name}, examples", f"on {training.examples.clouds.device}")
    measure_steps(name, training)


def measure_steps(name: str, training: Training) -> None:
    """Measure steps alone, without log and checkpoint.

    Raises:
        RuntimeError: if a step makes the host wait for the GPU.
    """
    device, settings = training.fabric.device, training.settings
    generator = Generator(device).manual_seed(0)
    rows = torch.arange(training.batch_size, device=device)

    def step() -> None:
        training.step(rows, generator, 1e-5)

    def data() -> None:
        draws = draw(len(rows), VIEWS, training.network.branches, settings, generator)
        make_batch(training.examples, rows, draws, settings, training.shape)

    taken = seconds(step)
    row(f"{name}, step", f"{1e3 * taken:.1f} ms, {training.batch_size / taken:,.0f} objects/s")
    row(f"{name}, making a batch", f"{seconds(data, 1.0) / taken:.1%} of a step")
    busy = busy_seconds(step, 5)
    if not GPU:
        return
    row(f"{name}, the GPU waits for the host", f"{1 - busy / taken:.1%} of a step")
    torch.cuda.set_sync_debug_mode("error")
    for _ in range(5):
        step()
    torch.cuda.set_sync_debug_mode("default")
    wait()
    row(f"{name}, the host waits for the GPU", "in no step")


if __name__ == "__main__":
    typer.run(main)
