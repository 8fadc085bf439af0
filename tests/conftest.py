"""What holds for every test."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Hide GPUs: references are computed on the processor. `pytest -m gpu` runs the tests that need one."""
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
