"""This package compared with what people would use instead, in one run, on the processor.

    pip install moderngl open3d-cpu pyvista
    apt-get install libusb-1.0-0             # which Open3D needs, on Debian
    python bench/peers.py [--only rendering,teacher] [--meshes-folder meshes/] [--meshes 1000]
        [--weights results/weights/dinov2-small-derivative-…]

Prints a table in Markdown. In each round ours and the peers are timed in turn, so that other load slows them
alike; a ratio says how many times as long the peer takes: the median of the rounds, and in brackets their
smallest and largest. The meshes that come with the package are small and have no textures; name a folder of
GLB or OBJ files for numbers that say more. Without the teacher's weights, random ones of the same
architecture show its speed.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from comparison import HEADER, Options

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # measure the CPU even if there is a GPU
DEMO = Path(__file__).parent.parent / "crossjepa/demo"
TASKS = {  # and the packages that only their peers need
    "rendering": ("moderngl", "pyvista"),
    "teacher": (),
    "sampling": ("open3d",),
    "grouping": (),
    "training": (),
    "encoding": (),
}


def choose(only: str) -> list[str]:
    """The tasks to measure.

    Raises:
        SystemExit: if there is no such task, or a package of a peer is missing.
    """
    chosen = only.split(",")
    for task in chosen:
        if task not in TASKS:
            raise SystemExit(f"--only: there is no task {task}; name some of {','.join(TASKS)}")
        if missing := [package for package in TASKS[task] if not find_spec(package)]:
            remedy = "pip install moderngl open3d-cpu pyvista"
            raise SystemExit(
                f"{task}: {', '.join(missing)} missing; {remedy}, or leave the task out with --only"
            )
    return chosen


def main(
    only: Annotated[str, typer.Option(help="Tasks to measure, separated by commas.")] = ",".join(TASKS),
    meshes_folder: Annotated[Path, typer.Option(help="Folder of GLB or OBJ meshes.")] = DEMO,
    meshes: Annotated[int, typer.Option(help="How many to encode; a small folder's are repeated.")] = 100,
    weights: Annotated[Path | None, typer.Option(help="Folder with the teacher's weights.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds, after one that warms up.")] = 5,
) -> None:
    """Print the table."""
    options, chosen = Options(meshes_folder, meshes, weights, rounds), choose(only)
    print(HEADER)
    for task in chosen:
        for comparison in import_module(f"peer_{task}").compare(options):
            print(*comparison.rows(), sep="\n", flush=True)


if __name__ == "__main__":
    typer.run(main)
