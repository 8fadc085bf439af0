"""Kill a training, resume it, and compare its losses with those of a run that was left alone.

    python bench/resume.py [--model base] [--batch 128] [--objects 2048]

Random examples. The killed run is a process of its own, and gets SIGKILL after its first checkpoint. On the
processor the losses are equal. On a GPU the backward pass of attention sums in any order, so that they may
differ by rounding; the run fails where they differ by more than 1%.
"""

import json
import multiprocessing
import tempfile
import time
from pathlib import Path

import typer
from device import DEVICE, row
from synthetic import examples

import crossjepa.pretrain.train
from crossjepa.fabric import make_fabric
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training

EPOCHS = 12
TOLERANCE = 0.01


def train(folder: Path, model: str, batch: int, objects: int) -> tuple[int, list[float]]:
    """Train with a checkpoint after every epoch, or resume; the first epoch, and the losses of all."""
    crossjepa.pretrain.train.CHECKPOINT_SECONDS = 0.0
    values = {"model": model, "batch_size": batch, "epochs": EPOCHS, "views_per_step": 4, "partial": 0.3}
    settings = PretrainSettings.model_validate(values)
    shown = examples(objects, settings.points, 4, 768)
    training = Training(make_fabric(settings.precision), shown, settings, 0, folder, "bench")
    training.run()
    records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return training.first_epoch, [record["loss"] for record in records]


def main(model: str = "base", batch: int = 128, objects: int = 2048) -> None:
    """Train, kill, resume, compare."""
    folder, sizes = Path(tempfile.mkdtemp()), (model, batch, objects)
    _, whole = train(folder / "whole", *sizes)
    process = multiprocessing.get_context("spawn").Process(target=train, args=(folder / "killed", *sizes))
    process.start()
    while process.is_alive() and not (folder / "killed/checkpoint.ckpt").is_file():
        time.sleep(0.01)
    process.kill()
    process.join()
    first, resumed = train(folder / "killed", *sizes)
    if not 0 < first < EPOCHS:
        raise SystemExit(f"the run was killed after epoch {first} of {EPOCHS}: too early or too late")
    difference = max(abs(a / b - 1) for a, b in zip(resumed, whole, strict=True))
    found = "equal, bit for bit" if resumed == whole else f"equal up to {difference:.1e}"
    row(f"training killed after epoch {first} of {EPOCHS}, resumed on {DEVICE.type}", f"losses {found}")
    if difference > TOLERANCE:
        raise SystemExit(f"losses differ by more than {TOLERANCE:.0%}")


if __name__ == "__main__":
    typer.run(main)
