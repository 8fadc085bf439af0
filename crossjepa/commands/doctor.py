"""`crossjepa doctor`: what this machine has of all that a run needs, a line each, with the remedy."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from crossjepa.config import Config
from crossjepa.data.location import check_location, downloads
from crossjepa.errors import UserError
from crossjepa.settings import check, read_configuration

ROOM_GB = 5.0  # that the default run leaves in results/ and its downloads, with a margin
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        state: `ok`, `note` where a run works without it, `bad` where none does.
        what: the thing.
        said: what there is of it, and the remedy where something is missing.
    """

    state: Literal["ok", "note", "bad"]
    what: str
    said: str


def doctor(
    configfile: Annotated[list[Path], typer.Option(help="A configuration file; later ones override.")] = [],  # noqa: B006
    results: Annotated[Path, typer.Option(help="The folder that results go to.")] = Path("results"),
) -> None:
    """Check rendering, torch, GPU, disk, teacher, data and cluster; exit code 1 if a run cannot work."""
    config = check(Config, read_configuration(configfile), "configuration")
    bad = False
    for finding in findings(config, results):
        typer.echo(f"{finding.state:<5}{finding.what:<32}{finding.said}")
        bad |= finding.state == "bad"
    if bad:
        raise typer.Exit(1)


def findings(config: Config, results: Path) -> Iterator[Finding]:
    """Look at one thing after another.

    Args:
        config: whose teacher and data sets are looked for.
        results: the folder that results go to.
    """
    yield rendering(config)
    yield from torch_and_gpu()
    yield disk(results)
    yield teacher(config, results)
    yield from datasets(config)
    yield cluster()


def rendering(config: Config) -> Finding:
    """What draws views."""
    from crossjepa.render.renderer import Renderer

    try:
        return Finding("ok", "rendering", Renderer(config.render).driver)
    except UserError as error:
        return Finding("bad", "rendering", str(error))


def torch_and_gpu() -> Iterator[Finding]:
    """Torch, and what it can compute on."""
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
        remedy = "install the build for this driver, see https://pytorch.org/get-started"
        yield Finding("note", "GPU", f"there is a driver that this torch cannot use; {remedy}")
    else:
        yield Finding("note", "GPU", "none: presets that want one take days on the processor")


def disk(results: Path) -> Finding:
    """The space that is left where results go."""
    place = next(folder for folder in (results.absolute(), *results.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < ROOM_GB:
        remedy = (
            f"the default run takes {ROOM_GB:.0f} GB; free some, or make results/ a link to a larger disk"
        )
        return Finding("bad", "disk", f"{free:.1f} GB free at {place}: {remedy}")
    return Finding("ok", "disk", f"{free:.0f} GB free at {place}")


def teacher(config: Config, results: Path) -> Finding:
    """The teacher's weights: fetched already, at hand, or still to come."""
    name, path = config.teacher.name, config.teacher.path
    if path and not Path(path).exists():
        return Finding("bad", "teacher", f"teacher.path: {path}: no such file or folder")
    if path:
        return Finding("ok", "teacher", f"{name}, at {path}")
    for described in results.glob("weights/*/teacher.json"):
        origin = json.loads(described.read_text())
        if origin["name"] == name and config.teacher.revision in (None, origin["revision"]):
            return Finding("ok", "teacher", f"{name}, in {described.parent}")
    return Finding("note", "teacher", f"{name} comes with the first run; without a network set teacher.path")


def datasets(config: Config) -> Iterator[Finding]:
    """Every data set that is learned from or probed."""
    sources = config.data.sources
    names = [*(learned.name for learned in config.pretrain.datasets), *config.probe.datasets]
    for name in dict.fromkeys(names):
        source = sources[name]
        try:
            check_location(name, source)
        except UserError as error:
            yield Finding("bad", f"data set {name}", str(error))
            continue
        path = getattr(source, "path", None) or getattr(source, "points", None)
        if path:
            yield Finding("ok", f"data set {name}", f"at {path}")
        elif downloads(source):
            yield Finding("note", f"data set {name}", f"is downloaded unless data.{name}.path names it")
        else:
            yield Finding("ok", f"data set {name}", "is made by code")


def cluster() -> Finding:
    """Slurm, where this machine can reach it."""
    if not shutil.which("sinfo"):
        return Finding("note", "cluster", "no Slurm here; jobs run on this machine")
    command = ["sinfo", "--noheader", "--format=%R %D"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        ).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        return Finding("note", "cluster", f"Slurm does not answer ({said}); ask whether its controller is up")
    partitions = ", ".join(f"{name} ({nodes} nodes)" for name, nodes in map(str.split, asked.splitlines()))
    return Finding("ok", "cluster", f"Slurm, partitions {partitions}")
