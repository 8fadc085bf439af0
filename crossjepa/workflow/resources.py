"""Resources of jobs."""

from collections.abc import Callable
from typing import Any


def memory(megabytes: int, of_inputs: float = 0.0) -> Callable[[Any, Any, int], int]:
    """A Snakemake resource function: a job's memory in MB, which grows with each attempt.

    Args:
        megabytes: what every job of the rule needs.
        of_inputs: what is added for each MB of the job's inputs.
    """

    def asked(wildcards: Any, input: Any, attempt: int) -> int:  # noqa: ARG001
        # Without `of_inputs` the inputs need not exist yet, so that a dry run knows the memory too.
        return attempt * (megabytes + (int(of_inputs * input.size_mb) if of_inputs else 0))

    return asked
