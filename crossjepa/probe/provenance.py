"""Code, configuration, data, packages and time behind a result."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pandas as pd

import crossjepa
from crossjepa.errors import UserError
from crossjepa.files import sha256_file, write_whole
from crossjepa.probe.parts import Git, Provenance

PACKAGES = ("numpy", "pandas", "pydantic", "scikit-learn", "scipy", "zarr")


def provenance(inputs: Mapping[str, Sequence[Path]], device: str | None, folder: Path) -> Provenance:
    """The provenance of a result.

    Args:
        inputs: `config`, and `points`, `targets`, `metrics` and `seconds.<stage>` as far as there are any.
        device: of pretraining.
        folder: of the result; the configuration is kept in its `configs`.

    Raises:
        UserError: if a file is missing.
    """
    names: tuple[Literal["points"], Literal["targets"]] = ("points", "targets")
    stores = {name: inputs[name][0] / "manifest.json" for name in names if name in inputs}
    config = inputs["config"][0]
    for file in (config, *stores.values()):
        if not file.is_file():
            raise UserError(f"{file}: no such file; run the workflow that writes it")
    return Provenance(
        git=checkout(Path(crossjepa.__file__).parent),
        config_hash=keep_config(config, folder / "configs"),
        stores={name: sha256_file(manifest) for name, manifest in stores.items()},
        packages={"python": platform.python_version(), "crossjepa": crossjepa.__version__}
        | {name: version(name) for name in PACKAGES},
        device=device,
        seconds=stage_seconds(inputs),
    )


def checkout(folder: Path) -> Git | None:
    """The Git commit that `folder`'s code belongs to; none outside a checkout, or without Git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        # Fails for code that is installed inside another project's checkout.
        git("ls-files", "--error-unmatch", "__init__.py")
        commit = git("rev-parse", "HEAD")
        return Git(commit=commit, dirty=bool(git("status", "--porcelain", "--untracked-files=no")))
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def keep_config(config: Path, folder: Path) -> str:
    """Copy a configuration to `folder/<SHA-256>.yaml`, which no later run overwrites; returns the digest."""
    digest = sha256_file(config)
    if not (kept := folder / f"{digest}.yaml").exists():
        with write_whole(kept) as partial:
            partial.write_bytes(config.read_bytes())
    return digest


def stage_seconds(inputs: Mapping[str, Sequence[Path]]) -> dict[str, float]:
    """Wall seconds by stage.

    Args:
        inputs: under `metrics` the training logs of the probed seeds, for `pretrain`; under `seconds.<stage>`
            Snakemake's benchmark files, or folders that hold them at any depth.
    """
    seconds = {"pretrain": sum(last_record(log)["seconds"] for log in inputs.get("metrics", []))}
    for name, paths in inputs.items():
        if name.startswith("seconds."):
            files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*.tsv"))]
            spent = sum(float(pd.read_csv(file, sep="\t")["s"].sum()) for file in sorted(files))
            seconds[name.removeprefix("seconds.")] = spent
    return {stage: round(spent, 1) for stage, spent in seconds.items() if spent or stage != "pretrain"}


def last_record(log: Path) -> dict[str, Any]:
    """The last record of a training log.

    Raises:
        UserError: if there is none.
    """
    lines = log.read_text().splitlines() if log.is_file() else []
    if not lines:
        raise UserError(f"{log}: no training log; pretrain the encoder again")
    record: dict[str, Any] = json.loads(lines[-1])
    return record
