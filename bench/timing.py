"""Timing calls in turn, so that other load on the machine slows them alike."""

from collections.abc import Callable, Mapping
from time import perf_counter

Calls = Mapping[str, Callable[[], object]]


def time_in_turn(calls: Calls) -> dict[str, float]:
    """Seconds of each call; they are made one after another."""
    spent = {}
    for name, call in calls.items():
        start = perf_counter()
        call()
        spent[name] = perf_counter() - start
    return spent


def time_rounds(calls: Calls, rounds: int) -> list[dict[str, float]]:
    """Seconds of each call in each round, after one more round that warms up."""
    return [time_in_turn(calls) for _ in range(1 + rounds)][1:]
