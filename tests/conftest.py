"""What holds for every test."""

import os

import pytest

# Two test processes share the cores: with a thread each they do not wait for one another, and threads that
# do wait sleep soon. Both are read when torch is first imported.
for name, value in {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "1000"}.items():
    os.environ.setdefault(name, value)


def pytest_configure(config: pytest.Config) -> None:
    """Hide GPUs: references are computed on the processor. `pytest -m gpu` runs the tests that need one."""
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process waits for another at the end."""
    longest = ("test_layouts.py", "test_workflow.py")
    items.sort(key=lambda item: item.path.name not in longest)
