"""Progress bars, with rate and remaining time, for everything that takes more than a few seconds."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")


class _Lines:
    """A text stream that ends each redrawn bar with a line break, so that log files stay readable."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if line := text.strip("\r\n "):
            self.stream.write(line + "\n")

    def flush(self) -> None:
        self.stream.flush()


def bar(
    total: int | None, description: str, unit: str = "it", scale: bool = False, quiet: bool = False
) -> "tqdm[Any]":
    """A progress bar on stderr; one line every five seconds where stderr is not a terminal.

    Args:
        total: number of units; None if it is not known.
        description: text before the bar.
        unit: name of a unit.
        scale: print 12.3M instead of 12300000.
        quiet: draw nothing, when another process draws the bar.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        unit_scale=scale,
        file=sys.stderr if terminal else _Lines(sys.stderr),  # type: ignore[arg-type]
        mininterval=0.2 if terminal else 5.0,
        ncols=None if terminal else 100,
        dynamic_ncols=terminal,
        ascii=not terminal,
        disable=quiet,
    )


def track(items: Iterable[T], total: int, description: str, unit: str = "it") -> Iterator[T]:
    """Yield from `items` while drawing a `bar`; draw nothing when `total` is 0."""
    if total == 0:
        yield from items
        return
    with bar(total, description, unit) as progress:
        for item in items:
            yield item
            progress.update()
