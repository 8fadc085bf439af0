"""Errors whose messages are written for users."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """An error that the user can fix: its message says what is wrong, in which file or key, and what to do.

    The command line prints the message as a single line and exits with code 1. Any other exception is a bug
    and keeps its traceback.
    """


class BadMesh(Exception):
    """A mesh or point cloud that cannot be used; the message is the reason. The run goes on without it."""


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Turn a missing optional package into a `UserError`.

    Args:
        extra: the extra of crossjepa that installs it.

    Raises:
        UserError: if a package cannot be found while the block runs.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if str(error.name).startswith("crossjepa"):
            raise
        remedy = f"pip install 'crossjepa[{extra}]', in a clone pip install '.[{extra}]'"
        raise UserError(f"the package {error.name} is missing: {remedy}") from error
