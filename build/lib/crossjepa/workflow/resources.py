"""Resources of jobs."""

from collections.abc import Callable
from typing import Any


def memory(megabytes: int, of_inputs: float = 0.0) -> Callable[[Any, Any, int], int]:
    """A function by which Snakemake asks for a job's memory in MB: more with each attempt.

    Args:
        megabytes: of any job of the rule.
        of_inputs: more for each MB of the job's inputs.
    """

    def asked(wildcards: Any, input: Any, attempt: int) -> int:  # noqa: ARG001
        # Without a share of the inputs they need not exist yet: a dry run then knows the number too.
        return attempt * (megabytes + (int(of_inputs * input.size_mb) if of_inputs else 0))

    return asked
