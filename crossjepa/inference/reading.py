"""Reading objects one after another, so that a broken one costs itself alone."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from crossjepa.errors import BadMesh, UserError
from crossjepa.inference.clouds import Sampling, UnitCloud
from crossjepa.inference.objects import Given

Errors = Literal["raise", "skip"]
SECONDS, GIGABYTES = 60.0, 4.0  # the pipeline's defaults


def read_objects(
    given: Sequence[Given], sampling: Sampling, errors: Errors
) -> tuple[dict[int, UnitCloud], dict[str, str]]:
    """Read objects.

    Args:
        given: the objects.
        sampling: how they become clouds.
        errors: `raise` an error for the first that cannot be read, or `skip` such objects. On Linux a child
            process then reads, and an object that takes more than `SECONDS` or `GIGABYTES`, or ends the
            process, is skipped, too.

    Returns:
        The clouds of those that can be read, by position, and why the others cannot, by name.

    Raises:
        UserError: if an object cannot be read and `errors` is `raise`.
    """
    if errors == "raise":
        return {position: _read(each, sampling) for position, each in enumerate(given)}, {}
    clouds, reasons = {}, {}
    with _guarded(lambda position: given[int(position)].read(sampling)) as read:
        for position, each in enumerate(given):
            try:
                clouds[position] = read(str(position))
            except BadMesh as error:
                # Outside of the pipeline there are no such settings.
                text = str(error).replace("data.max_seconds = ", "").replace("data.max_memory = ", "")
                reasons[each.name] = text
    return clouds, reasons


def _guarded(read: Callable[[str], UnitCloud]) -> AbstractContextManager[Callable[[str], UnitCloud]]:
    """A function that is called under limits; elsewhere than on Linux, torch does not survive a fork."""
    if sys.platform != "linux":
        return nullcontext(read)
    from crossjepa.data.guard import Guarded, Limits

    return Guarded(read, Limits(SECONDS, GIGABYTES))


def _read(given: Given, sampling: Sampling) -> UnitCloud:
    try:
        return given.read(sampling)
    except BadMesh as error:
        raise UserError(f"{given.name}: {error}; leave it out, or pass errors='skip'") from error
