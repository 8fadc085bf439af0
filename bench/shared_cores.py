"""Training on cores that other processes use: objects a second by how OpenMP's threads wait for each other.

    python bench/shared_cores.py [--busy 5] [--rounds 3]

Each setting trains `tiny` in a process of its own, in turn, alone and beside busy processes. The
command line of the package sets the first row itself, unless one of these variables is set already.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import typer

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS")
BUSY = [sys.executable, "-c", "while True: pass"]


def train(seconds: float) -> None:
    """Train for some seconds in this process, and print objects a second."""
    import tempfile

    import torch
    from synthetic import examples

    from crossjepa.fabric import make_fabric
    from crossjepa.pretrain.settings import PretrainSettings
    from crossjepa.pretrain.train import Training

    settings = PretrainSettings()
    shown, folder = examples(256, settings.points, 8, 384), Path(tempfile.mkdtemp())
    training = Training(make_fabric(settings.precision), shown, settings, 0, folder, "bench")
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(settings.batch_size)
    training.step(rows, generator, 1e-3)
    start, steps = perf_counter(), 0
    while perf_counter() - start < seconds:
        training.step(rows, generator, 1e-3)
        steps += 1
    print(steps * settings.batch_size / (perf_counter() - start))


def objects_per_second(setting: dict[str, str], seconds: float) -> float:
    """Train in a child process with some variables set."""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING} | setting
    command = [sys.executable, __file__, "--seconds", str(seconds), "--child"]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Busy processes in the background."""
    processes = [subprocess.Popen(BUSY) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def main(
    threads: Annotated[int, typer.Option(help="Threads of each training.")] = 2,
    beside: Annotated[int, typer.Option("--busy", help="Busy processes.")] = 5,
    rounds: Annotated[int, typer.Option(help="Trainings of each setting.")] = 3,
    seconds: Annotated[float, typer.Option(help="Length of each training.")] = 8.0,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Print the table."""
    if child:
        train(seconds)
        return
    from crossjepa.cli import WAITING as OURS

    many = {"OMP_NUM_THREADS": str(threads)}
    settings = {
        "as the command line sets it": many | OURS,
        "as it comes": many,
        "OMP_WAIT_POLICY=PASSIVE": many | {"OMP_WAIT_POLICY": "PASSIVE"},
        "one thread": {"OMP_NUM_THREADS": "1"},
    }
    found: dict[str, list[list[float]]] = {name: [] for name in settings}
    for count in (0, beside):
        with busy(count):
            runs = [{n: objects_per_second(s, seconds) for n, s in settings.items()} for _ in range(rounds)]
        for name in settings:
            found[name].append([run[name] for run in runs])
    print(f"| {threads} threads, objects/s, median (range) | alone | beside {beside} busy processes |")
    print("|---|---|---|")
    for name, columns in found.items():
        cells = [f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})" for values in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
