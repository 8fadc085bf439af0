"""Runs the pipeline with each rule in its own environment, through the stand-in conda.

    python tests/conda_standin/check.py              the run, and a table of the environments
    python tests/conda_standin/check.py --without    then without each package in turn: the stage must fail

Needs pip's registry once: environments stay in .conda_standin/ until an environment file changes.
"""

import argparse
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import trimesh
import yaml
from channel import PYTHON, conda_specs, make_channel
from PIL import Image
from rattler import PrefixRecord

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from clone import ROOT, Clone, rule_bodies  # noqa: E402
from layouts import shape, write_modelnet_off  # noqa: E402
from test_folder import write_mesh  # noqa: E402

WORK = ROOT / ".conda_standin"
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
RUN = [
    *("all", "results/retrieval/meshes.zip", "results/predictions_meshes.csv", "results/audit_meshes.html"),
    *("--profile", "profiles/conda", "--conda-prefix", str(WORK / "environments")),
]
FINISHED = WORK / "finished"
ASIDE = WORK / "aside"
FORMATS = (".3mf", ".dae", ".glb", ".obj", ".off", ".ply", ".stl")


def main() -> None:
    """Run, print the tables, and exit with 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    if PYTHON != "3.11":
        sys.exit("the stand-in packs the Python that it runs with, and the environments want 3.11")
    parser.add_argument("--without", action="store_true", help="also drop each package in turn")
    options = parser.parse_args()
    began = time.monotonic()
    channels = prepare_channel()
    base = prepare_base()
    os.environ["CONDA_STANDIN_CHANNELS"] = f"{channels.as_uri()}/"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each environment has several jobs that import the same
    os.environ["PATH"] = f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"
    if ASIDE.exists():  # a killed call left an environment incomplete
        shutil.rmtree(WORK / "environments")
        shutil.rmtree(ASIDE)
    clone = prepare_run()
    ready = time.monotonic()
    print(f"channel and sources ready after {ready - began:.0f} s", flush=True)
    printed = clone.snakemake(*RUN)
    activated = printed.count("Activating conda environment")
    seconds = time.monotonic() - ready
    print(f"the pipeline ran in {seconds:.0f} s, {activated} jobs in an environment", flush=True)
    prefixes = {file.stem: prefix_of(clone, file) for file in ENVIRONMENTS}
    print_environments(prefixes)
    if not activated or "pin file" in printed:
        sys.exit("no job ran in an environment of its own file")
    ran = clone.planned(*RUN, "--forceall").keys()
    rules = {stage: [rule for rule in rules_of(stage) if rule in ran] for stage in prefixes}
    if not all([edit(clone, stage, rules[stage]) for stage in prefixes]):
        sys.exit("an edited environment runs something else again")
    if options.without:
        shutil.rmtree(FINISHED, ignore_errors=True)
        shutil.copytree(clone.folder, FINISHED)
        # Two files with the same content are one environment: what is missed there fails rules of both.
        users = {
            prefix: [rule for stage in prefixes if prefixes[stage] == prefix for rule in rules[stage]]
            for prefix in prefixes.values()
        }
        if not all([drop_each(clone, stage, users[prefix], prefix) for stage, prefix in prefixes.items()]):
            sys.exit("some package is not needed")


def prepare_channel() -> Path:
    """The folder of the channel, made again when an environment file or its maker changes."""
    sources = b"".join(file.read_bytes() for file in [*ENVIRONMENTS, HERE / "channel.py"])
    folder = WORK / "channels" / hashlib.sha256(sources).hexdigest()[:12]
    if not (folder / "ready").exists():
        make_channel(ENVIRONMENTS, folder / "conda-forge")
        (folder / "ready").touch()
    return folder


def prepare_base() -> Path:
    """What Snakemake takes for an installation of conda."""
    base = WORK / "base"
    (base / "bin").mkdir(parents=True, exist_ok=True)
    conda = base / "bin/conda"
    conda.write_text(f"#!{sys.executable}\n{(HERE / 'conda.py').read_text()}")
    conda.chmod(0o755)
    shutil.copy(HERE / "activate", base / "bin/activate")
    return base


def prepare_run() -> Clone:
    """A copy of the sources beside small data sets."""
    folder = WORK / "run"
    shutil.rmtree(folder, ignore_errors=True)
    clone = Clone(folder, "pipeline.yaml")
    shutil.copy(HERE / "pipeline.yaml", folder)
    draw = np.random.default_rng(0)
    for kind, label in enumerate(("box", "cylinder")):
        (folder / "meshes" / label).mkdir(parents=True)
        for number, suffix in enumerate(FORMATS):
            mesh = shape(kind, number).apply_scale((1, 1 + number / 2, 1))  # or all would be near copies
            if suffix == ".glb":
                picture = Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8))
                places = draw.random((len(mesh.vertices), 2))
                mesh.visual = trimesh.visual.TextureVisuals(places, image=picture)
            write_mesh(mesh, folder / "meshes" / label / f"{number}{suffix}")
    write_mesh(shape(0, len(FORMATS)), folder / "meshes" / "unlabelled.stl")  # its class is predicted
    write_modelnet_off(folder / "modelnet", classes=("chair", "sofa"), categories=10)
    return clone


def prefix_of(clone: Clone, file: Path) -> Path:
    """Where Snakemake made the environment of a file: it keeps a copy of the file beside it."""
    text = (clone.folder / "envs" / file.name).read_text()
    copies = (WORK / "environments").glob("*_.yaml")
    return next(copy.with_suffix("") for copy in copies if copy.read_text() == text)


def print_environments(prefixes: dict[str, Path]) -> None:
    """A row for each stage: its packages, what they take on disk, and how long that took to make."""
    print("\n| stage | packages | size, MB | made in, s |\n|---|---|---|---|")
    for stage, prefix in prefixes.items():
        packages = len(list((prefix / "conda-meta").glob("*.json")))
        size = sum(p.lstat().st_size for p in prefix.rglob("*") if not p.is_dir()) / 1e6
        done, begun = Path(f"{prefix}.env_setup_done"), prefix.with_suffix(".yaml")
        seconds = done.stat().st_mtime - begun.stat().st_mtime
        print(f"| {stage} | {packages} | {size:.0f} | {seconds:.0f} |", flush=True)


def rules_of(stage: str) -> list[str]:
    """The rules that run in a stage's environment."""
    return [rule for rule, body in rule_bodies().items() if f"envs/{stage}.yaml" in body]


def edit(clone: Clone, stage: str, rules: list[str]) -> bool:
    """Edit a stage's environment file; whether exactly its rules and those below would rerun."""
    file = clone.folder / f"envs/{stage}.yaml"
    before = file.read_text()
    expected = clone.planned(*RUN, "--forcerun", *rules)
    file.write_text(before + "# edited\n")
    planned = clone.planned(*RUN)
    file.write_text(before)
    again = ", ".join(f"{rule} ({jobs})" for rule, jobs in planned.items())
    print(f"envs/{stage}.yaml edited: {again}", flush=True)
    return bool(planned) and planned == expected


def drop_each(clone: Clone, stage: str, rules: list[str], prefix: Path) -> bool:
    """Run a stage's rules without each of its packages in turn, each time starting from the finished run.

    Returns:
        Whether each missing package made these rules fail, or those below, which check their outputs.
    """
    print(f"\n| {stage} without | which also comes with | fails in | with |\n|---|---|---|---|", flush=True)
    missed = []
    below = clone.planned(*RUN, "--forcerun", *rules)
    for package in packages_of(ROOT / f"envs/{stage}.yaml"):
        if package == "pip" and has_pip_section(ROOT / f"envs/{stage}.yaml"):
            print("| pip | - | making the environment | its section for pip |", flush=True)
            continue
        with removed(prefix, package):
            succeeded, printed = clone.attempt(*RUN, "--forcerun", *rules)
        shutil.rmtree(clone.folder)
        shutil.copytree(FINISHED, clone.folder)
        failed = re.search(r"Error in rule (\w+)", printed)
        reasons = re.findall(
            r"^\s*((?:\w+: error|\w*(?<!Workflow)Error): .*|.*No module named.*)$", printed, re.M
        )
        others = ", ".join(sorted(dependents(prefix, package))) or "-"
        where = failed[1] if failed else "nowhere: it is not needed"
        missed.append(not succeeded and where in below)
        print(f"| {package} | {others} | {where} | {reasons[-1][:90] if reasons else '-'} |", flush=True)
    return all(missed)


def packages_of(file: Path) -> list[str]:
    """Names of an environment file's packages, pip's own included."""
    listed = yaml.safe_load(file.read_text())["dependencies"]
    from_pip = [line.partition(" ")[0] for d in listed if isinstance(d, dict) for line in d["pip"]]
    return [spec.partition(" ")[0] for spec in conda_specs(file)] + from_pip


def has_pip_section(file: Path) -> bool:
    """Whether pip adds packages to an environment: without pip there is none."""
    return any(isinstance(entry, dict) for entry in yaml.safe_load(file.read_text())["dependencies"])


def dependents(prefix: Path, package: str) -> set[str]:
    """Other packages of an environment that ask for this one."""
    records = [PrefixRecord.from_path(path) for path in (prefix / "conda-meta").glob("*.json")]
    return {r.name.normalized for r in records if package in {d.partition(" ")[0] for d in r.depends}}


@contextmanager
def removed(prefix: Path, package: str) -> Iterator[None]:
    """Take a package's files out of an environment, and put them back."""
    files = [prefix / name for name in _files(prefix, package)]
    moved = [(file, ASIDE / file.relative_to(prefix)) for file in files if file.exists()]
    assert moved, f"{package} is not in {prefix}"
    try:
        for file, place in moved:
            place.parent.mkdir(parents=True, exist_ok=True)
            file.rename(place)
        for folder in {file.parent for file, _ in moved}:  # empty ones could still be imported
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)
            while folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent
        yield
    finally:
        for file, place in moved:
            if place.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                place.rename(file)
        shutil.rmtree(ASIDE)


def _files(prefix: Path, package: str) -> list[str]:
    for path in (prefix / "conda-meta").glob("*.json"):
        record = PrefixRecord.from_path(path)
        if record.name.normalized == package:
            return [str(name) for name in record.files]
    packages = prefix / f"lib/python{PYTHON}/site-packages"
    (listed,) = packages.glob(f"{package.replace('-', '_')}-*.dist-info/RECORD")
    rows = [line.split(",")[0] for line in listed.read_text().splitlines()]
    return [str((packages / row).resolve().relative_to(prefix)) for row in rows if ".." not in row]


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # py-rattler 0.28 may crash while the interpreter ends
