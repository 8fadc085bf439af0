"""Resources of jobs."""

import os
from collections.abc import Callable, Mapping
from typing import Any


def memory(
    megabytes: int,
    of_inputs: Mapping[str, float] | None = None,
    of_objects: tuple[float, Callable[[Any], int]] = (0.0, lambda _: 0),
) -> Callable[[Any, Any, int], int]:
    """A Snakemake resource function: a job's memory in MB, which grows with each attempt.

    Args:
        megabytes: what every job of the rule needs.
        of_inputs: what is added for each MB of those inputs whose paths contain a text, by the text, such as
            `/xyz/` for the files of that array of a store.
        of_objects: the MB that are added for each object that the job lists, and their number by wildcards.
    """

    def asked(wildcards: Any, input: Any, attempt: int) -> int:
        # Without `of_inputs` the inputs need not exist yet, so that a dry run knows the memory too.
        sizes = (
            share * os.stat(file).st_size / 1e6
            for text, share in (of_inputs or {}).items()
            for file in input
            if text in file
        )
        each, count = of_objects
        return attempt * int(megabytes + sum(sizes) + each * count(wildcards))

    return asked
