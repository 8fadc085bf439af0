"""Whether this machine has everything that a run needs."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from crossjepa.config import Config
from crossjepa.data.location import check_location, downloads, places
from crossjepa.errors import UserError

DISK_GB = 5.0  # of the default run's results and downloads, with a margin
SLURM_TIMEOUT_SECONDS = 20


class Finding(NamedTuple):
    """The state of one thing: `ok`, `note` if a run works without it, `bad` if none does; and the remedy."""

    state: Literal["ok", "note", "bad"]
    name: str
    text: str


def findings(config: Config, results: Path) -> Iterator[Finding]:
    """The state of everything that a run needs.

    Args:
        config: names the teacher and the data sets.
        results: the folder that results go to.
    """
    yield rendering(config)
    yield from torch_and_gpu()
    yield disk(results)
    yield teacher(config, results)
    yield from datasets(config)
    yield cluster()


def rendering(config: Config) -> Finding:
    """The OpenGL driver that renders views."""
    from crossjepa.render.renderer import Renderer

    try:
        return Finding("ok", "rendering", Renderer(config.render).driver)
    except UserError as error:
        return Finding("bad", "rendering", str(error))


def torch_and_gpu() -> Iterator[Finding]:
    """Torch, and the GPUs that it can use."""
    try:
        import torch
    except ModuleNotFoundError:
        yield Finding("bad", "torch", "not installed; run `make setup`")
        return
    yield Finding("ok", "torch", torch.__version__)
    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
        yield Finding("ok", "GPU", ", ".join(f"{d.name}, {d.total_memory / 1e9:.0f} GB" for d in devices))
    elif shutil.which("nvidia-smi"):
        remedy = "install the build for your driver, see https://pytorch.org/get-started"
        yield Finding("note", "GPU", f"this build of torch cannot use the installed driver; {remedy}")
    else:
        yield Finding("note", "GPU", "none; presets that need one take days on a CPU")


def disk(results: Path) -> Finding:
    """The free space where results go."""
    place = next(folder for folder in (results.absolute(), *results.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free >= DISK_GB:
        return Finding("ok", "disk", f"{free:.0f} GB free at {place}")
    remedy = f"the default run takes {DISK_GB:.0f} GB; free some, or link results/ to a larger disk"
    return Finding("bad", "disk", f"{free:.1f} GB free at {place}: {remedy}")


def teacher(config: Config, results: Path) -> Finding:
    """Whether the teacher's weights are here or will be downloaded."""
    name, path = config.teacher.name, config.teacher.path
    if path:
        exists = Path(path).exists()
        text = f"{name}, at {path}" if exists else f"teacher.path: {path}: no such file or folder"
        return Finding("ok" if exists else "bad", "teacher", text)
    for file in results.glob("weights/*/teacher.json"):
        found = json.loads(file.read_text())
        if found["name"] == name and config.teacher.revision in (None, found["revision"]):
            return Finding("ok", "teacher", f"{name}, in {file.parent}")
    return Finding("note", "teacher", f"{name}: downloaded by the first run; offline, set teacher.path")


def datasets(config: Config) -> Iterator[Finding]:
    """Every data set that is trained on or probed."""
    for name in dict.fromkeys([*(d.name for d in config.pretrain.datasets), *config.probe.datasets]):
        source = config.data.sources[name]
        try:
            check_location(name, source)
        except UserError as error:
            yield Finding("bad", f"data set {name}", str(error))
            continue
        if found := places(source):
            yield Finding("ok", f"data set {name}", f"at {next(iter(found.values()))}")
        elif downloads(source):
            yield Finding("note", f"data set {name}", f"downloaded by the first run, or set data.{name}.path")
        else:
            yield Finding("ok", f"data set {name}", "made by code")


def cluster() -> Finding:
    """Slurm, if this machine can reach one."""
    if not shutil.which("sinfo"):
        return Finding("note", "cluster", "no Slurm; jobs run on this machine")
    command = ["sinfo", "--noheader", "--format=%R %D"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SLURM_TIMEOUT_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        return Finding("note", "cluster", f"Slurm does not answer ({lines[-1]}); check its controller")
    partitions = (line.split() for line in done.stdout.splitlines())
    text = ", ".join(f"{name} ({nodes} nodes)" for name, nodes in partitions)
    return Finding("ok", "cluster", f"Slurm, partitions {text}")
