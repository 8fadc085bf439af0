"""Where a result comes from: code, configuration, data, packages and time."""

import hashlib
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

import crossjepa
from crossjepa.errors import UserError
from crossjepa.probe.result import Git

PACKAGES = ("numpy", "pandas", "pydantic", "scikit-learn", "scipy", "zarr")


def checkout(folder: Path) -> Git | None:
    """The Git commit that `folder`'s code belongs to; none outside a checkout, or without Git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        git(
            "ls-files", "--error-unmatch", "__init__.py"
        )  # installed beside another project's code, it is not
        commit = git("rev-parse", "HEAD")
        return Git(commit=commit, dirty=bool(git("status", "--porcelain", "--untracked-files=no")))
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def packages() -> dict[str, str]:
    """Versions of Python and of the packages that the probe's numbers rest on."""
    own = {"python": platform.python_version(), "crossjepa": crossjepa.__version__}
    return own | {name: version(name) for name in PACKAGES}


def stage_seconds(benchmarks: Sequence[str]) -> dict[str, float]:
    """Wall seconds a stage, added up over its jobs.

    Args:
        benchmarks: `STAGE=FOLDER` pairs; a folder holds Snakemake's benchmark files, at any depth.

    Raises:
        UserError: if one is not such a pair.
    """
    seconds: dict[str, float] = {}
    for pair in benchmarks:
        stage, equals, folder = pair.partition("=")
        if not equals:
            raise UserError(f"--benchmarks {pair}: must be STAGE=FOLDER")
        files = sorted(Path(folder).rglob("*.tsv"))
        spent = sum(float(pd.read_csv(file, sep="\t")["s"].sum()) for file in files)
        seconds[stage] = round(seconds.get(stage, 0.0) + spent, 1)
    return seconds
