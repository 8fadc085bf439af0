"""What the comparisons with peers share: their options, their meshes, and the rows of their table."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

FORMATS = {".glb", ".obj"}  # that all peers read
HEADER = "| task | instead of ours | ours, s | theirs, s | ratio (spread) |\n|---|---|---|---|---|"


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        folder: of meshes.
        meshes: how many to encode in all.
        weights: folder of the teacher's weights, or None for random ones.
        rounds: in each of which all are timed in turn.
    """

    folder: Path
    meshes: int
    weights: Path | None
    rounds: int


@dataclass(frozen=True)
class Comparison:
    """What was done, and in how many seconds.

    Attributes:
        task: what was done.
        rounds: seconds of `ours` and of each peer, in each round.
    """

    task: str
    rounds: list[dict[str, float]]

    def rows(self) -> Iterator[str]:
        """A row for each peer: median seconds, and the median and range of the rounds' ratios."""
        for peer in [name for name in self.rounds[0] if name != "ours"]:
            ours, theirs = ([each[name] for each in self.rounds] for name in ("ours", peer))
            ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
            spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            yield f"| {self.task} | {peer} | {median(ours):.3g} | {median(theirs):.3g} | {spread} |"


def find_meshes(folder: Path, count: int) -> list[str]:
    """Paths of `count` meshes, evenly from all of a folder; those of a smaller folder are repeated.

    Raises:
        SystemExit: if there are none.
    """
    found = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
    if not found:
        raise SystemExit(f"{folder}: holds no {' or '.join(sorted(FORMATS))} files; name another folder")
    step = max(1, len(found) / count)
    return [found[int(number * step) % len(found)] for number in range(count)]
