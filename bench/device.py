"""The device that benches run on: what it is, what it can do, and how busy it is.

    python bench/device.py

prints date, card, driver and versions. Benches print what they measured as rows of one Markdown table.
"""

import os
import platform
import subprocess
from collections.abc import Callable
from datetime import date
from time import perf_counter

import torch
from torch.autograd import DeviceType
from torch.profiler import profile

from crossjepa.devices import find_device

GPU = torch.cuda.is_available()
DEVICE = find_device()


def row(name: str, result: str) -> None:
    """Print a row of the table."""
    print(f"| {name} | {result} |", flush=True)


def wait() -> None:
    """Wait until the GPU has finished."""
    if GPU:
        torch.cuda.synchronize()


def seconds(call: Callable[[], object], limit: float = 3.0) -> float:
    """Mean seconds of a call, repeated for about `limit` seconds after three calls that warm up."""
    for _ in range(3):
        call()
    wait()
    start = perf_counter()
    call()
    wait()
    repeats = max(1, round(limit / (perf_counter() - start)))
    start = perf_counter()
    for _ in range(repeats):
        call()
    wait()
    return (perf_counter() - start) / repeats


def matrix_rate() -> float:
    """FLOP/s of large products of random matrices, in bf16 on a GPU and in float32 on a processor."""
    side, dtype = (8192, torch.bfloat16) if GPU else (1024, torch.float32)
    left, right = torch.randn(2, side, side, device=DEVICE, dtype=dtype)
    return 2 * side**3 / seconds(lambda: left @ right, 0.5)


def busy_seconds(call: Callable[[], object], repeats: int) -> float:
    """Mean seconds that the GPU computes or copies in a call; prints what takes longest."""
    call()
    wait()
    with profile() as profiled:
        for _ in range(repeats):
            call()
        wait()
    events = profiled.key_averages()
    order = "self_device_time_total" if GPU else "self_cpu_time_total"
    print(events.table(sort_by=order, row_limit=12, max_name_column_width=60))
    spent = [e for e in events if e.device_type == DeviceType.CUDA and not e.is_user_annotation]
    return sum(event.self_device_time_total for event in spent) / 1e6 / repeats


def main() -> None:
    """Print what the machine is."""
    row("date", str(date.today()))
    if GPU:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.check_output(asked, text=True).split()[0]
        card = torch.cuda.get_device_properties(0)
        row(
            "card",
            f"{card.name}, {card.total_memory / 1e9:.0f} GB, driver {driver}, CUDA {torch.version.cuda}",
        )
    else:
        row("card", "none: everything ran on the processor, in small sizes; rates mean nothing")
    row("host", f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}")
    row("torch", torch.__version__)
    row("matrix products", f"{matrix_rate() / 1e12:.2f} TFLOP/s in {'bf16' if GPU else 'fp32'}")


if __name__ == "__main__":
    main()
