"""The one error that people are meant to read."""


class UserError(Exception):
    """Something the user can mend: says what is wrong, in which file or key, and what to do.

    The command line prints it as a single line and exits with code 1; anything else is a bug and
    keeps its traceback.
    """
