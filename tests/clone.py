"""A copy of the sources in a folder of its own, to run the real workflow in."""

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ["Snakefile", "workflow", "crossjepa", "config", "envs", "profiles"]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli"])


def rule_bodies() -> dict[str, str]:
    """The workflow's rules, and how each is written."""
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    return {
        rule: body
        for text in texts
        for rule, body in re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", text, re.S | re.M)
    }


class Clone:
    """A copy of the sources, with its own results of one configuration.

    Args:
        folder: where to.
        preset: the configuration file, relative to the copy; its `run` is its name.
    """

    def __init__(self, folder: Path, preset: str = "config/shapes.yaml") -> None:
        self.folder = folder
        self.preset = preset
        self.results = folder / "results" / Path(preset).stem
        folder.mkdir(exist_ok=True)
        for name in SOURCES:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / name)

    def command(self, *arguments: str) -> list[str]:
        """A Snakemake call with the preset; targets come first."""
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "2"]
        targets = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
        return [*snakemake, *targets, "--configfile", self.preset, *arguments[len(targets) :]]

    def attempt(self, *arguments: str) -> tuple[bool, str]:
        """Run Snakemake; whether it succeeded, and everything that it printed."""
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode == 0, done.stdout + done.stderr

    def snakemake(self, *arguments: str, succeeds: bool = True) -> str:
        """Run Snakemake, which must succeed or must fail; everything that it printed."""
        succeeded, printed = self.attempt(*arguments)
        assert succeeded is succeeds, printed
        return printed

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs that Snakemake would run now, by rule."""
        printed = self._dry_run(*arguments)
        if "Nothing to be done" in printed:
            return {}
        table = printed.split("Job stats:")[1].split("total")[0]
        rows = re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in rows if rule not in ("all", "everything")}

    def _dry_run(self, *arguments: str) -> str:
        """As `snakemake`, in a process that has imported Snakemake already: half of a dry run's time."""
        output = self.folder / "dry_run.txt"
        _, _, _, *called = self.command(*arguments, "--dry-run")
        process = FORKS.Process(target=_call, args=(self.folder, called, dict(os.environ), output))
        process.start()
        process.join()
        printed = output.read_text()
        output.unlink()
        assert process.exitcode == 0, printed
        return printed

    def manifests(self) -> dict[str, str]:
        """The text of every store's manifest."""
        found = sorted((self.folder / "results").glob("*/*/manifest.json"))
        return {str(path.relative_to(self.folder)): path.read_text() for path in found}


def _call(folder: Path, arguments: list[str], environment: dict[str, str], output: Path) -> None:
    from snakemake.cli import main

    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [path for path in sys.path if path != str(ROOT)]
    main(arguments)
