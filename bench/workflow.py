"""What Snakemake costs: seconds of dry runs, and what it adds to the stages' own time.

    python bench/workflow.py

The dry runs plan everything from nothing: the default run, and one over 52,000 objects in 128 shards. The
real run is of procedural shapes, one job at a time; Snakemake times each job's shell line, and what is left
of the whole is its own.
"""

import re
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from clone import Clone

LARGE = ["data={shapes: {objects: 52000}}", "store={shards: 128}", "pretrain={datasets: [shapes]}"]


def dry_run(name: str, preset: str, *config: str) -> None:
    """Plan a whole run in a fresh copy, and print how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(Path(folder) / "clone", preset)
        start = perf_counter()
        printed = clone.snakemake("--dry-run", *(["--config", *config] if config else []))
        seconds = perf_counter() - start
        (jobs,) = set(re.findall(r"^total +(\d+)$", printed, re.M))
        print(f"dry run, {name}: {jobs} jobs planned in {seconds:.1f} s", flush=True)


def overhead() -> None:
    """Run the shapes, one job after another, and print what is not the jobs' own time."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(Path(folder) / "clone")
        start = perf_counter()
        clone.snakemake("--cores", "1")
        whole = perf_counter() - start
        timed = [pd.read_csv(file, sep="\t")["s"].sum() for file in clone.folder.glob("results/**/*.tsv")]
        own = whole - sum(timed)
        print(
            f"shapes, one job at a time: {len(timed)} jobs take {sum(timed):.0f} s, Snakemake {own:.0f} s: "
            f"{own / len(timed):.1f} s a job, {100 * own / whole:.0f}% of the whole"
        )


if __name__ == "__main__":
    dry_run("the default", "config/config.yaml")
    dry_run("52,000 objects in 128 shards", "config/config.yaml", *LARGE, "probe={datasets: [shapes]}")
    overhead()
