"""How time, memory and files grow with the number of objects, as a table in Markdown.

    python bench/scale.py

Nothing is rendered, embedded or trained: tables, stores and features hold made-up objects (see `made_up.py`),
and every measured part runs in a process of its own. What would take too long for the largest number is
extrapolated from the two before it, and marked with ≈.
"""

import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated, NamedTuple

import typer
from made_up import Place, make
from scale_parts import PARTS, clock

SIZES = (1_000, 10_000, 52_000, 800_000)


class Measured(NamedTuple):
    """Seconds, the largest resident memory in MB, and what came out."""

    seconds: float
    megabytes: float
    result: str


def measure(name: str, folder: Path, objects: int) -> Measured:
    """Run a part in a process of its own."""
    command = [sys.executable, __file__, "--part", name, "--folder", str(folder), "--objects", str(objects)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} of {objects} objects failed:\n{done.stderr[-2000:]}")
    return Measured(*json.loads(done.stdout.splitlines()[-1]))


def run_part(name: str, place: Place) -> None:
    """The measured process: prints what it measured, as JSON."""
    if name == "make":
        make(place)
        return
    clock.restart()
    result = PARTS[name].run(place)
    seconds = perf_counter() - clock.began
    status = Path("/proc/self/status").read_text()
    own = int(re.findall(r"VmHWM:\s+(\d+)", status)[0])
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps([seconds, max(own, child) / 1000, result]))


def cell(measured: Measured, mark: str = "") -> str:
    """Seconds and memory as the table shows them."""
    memory = f"{measured.megabytes / 1000:.1f} GB"
    return f"{mark}{measured.seconds:,.1f} s, {memory}" + (f", {measured.result}" if measured.result else "")


def extrapolated(one: tuple[int, Measured], other: tuple[int, Measured], objects: int) -> Measured:
    """The straight line through two measurements."""
    share = (objects - one[0]) / (other[0] - one[0])
    pairs = list(zip(one[1][:2], other[1][:2], strict=True))
    seconds, megabytes = (float(first + share * (second - first)) for first, second in pairs)
    return Measured(seconds, megabytes, "")


def main(
    part: Annotated[str, typer.Option(help="Used by the script itself.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where to make the files; 30 GB free.")] = None,
    objects: Annotated[list[int], typer.Option(help="Numbers of objects, repeatable.")] = list(SIZES),  # noqa: B006
    only: Annotated[list[str], typer.Option(help="Names of parts; all by default.")] = [*PARTS],  # noqa: B006
) -> None:
    """Print a table with a row for each part and a column for each number of objects."""
    if part:
        run_part(part, Place(folder or Path(), objects[0]))
        return
    found: dict[str, dict[int, Measured]] = {name: {} for name in only}
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        for count in objects:
            measure_all(only, Path(inside), count, found)
    print("| |", " | ".join(f"{count:,} objects" for count in objects), "|")
    print("|---" * (len(objects) + 1) + "|")
    for name, row in found.items():
        cells = []
        for count in objects:
            if count in row:
                cells.append(cell(row[count]))
            else:
                one, other = list(row.items())[-2:]
                cells.append(cell(extrapolated(one, other, count), "≈ "))
        print("|", " | ".join([PARTS[name].title, *cells]), "|")


def measure_all(only: list[str], folder: Path, count: int, found: dict[str, dict[int, Measured]]) -> None:
    """Make the files of some number of objects, measure all parts on them, and delete them."""
    command = [sys.executable, __file__, "--part", "make", "--folder", str(folder), "--objects", str(count)]
    subprocess.run(command, check=True)
    for name in only:
        if count <= PARTS[name].most:
            found[name][count] = measure(name, folder, count)
            print(f"{count:,}: {name}: {cell(found[name][count])}", file=sys.stderr, flush=True)
    shutil.rmtree(folder / str(count))


if __name__ == "__main__":
    typer.run(main)
