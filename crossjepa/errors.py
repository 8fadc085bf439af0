"""Errors whose messages are written for users."""


class UserError(Exception):
    """An error that the user can fix: its message says what is wrong, in which file or key, and what to do.

    The command line prints the message as a single line and exits with code 1. Any other exception is a bug
    and keeps its traceback.
    """


class BadMesh(Exception):
    """A mesh or point cloud that cannot be used; the message is the reason. The run goes on without it."""
