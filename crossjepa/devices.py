"""The device to compute on, and the precision that it is good at."""

from typing import Literal

import torch


def find_device() -> torch.device:
    """The machine's accelerator, such as a GPU, or else its processor."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def resolve_precision(setting: Literal["auto", "bf16", "fp32"]) -> Literal["bf16", "fp32"]:
    """The precision that a `precision` setting stands for on this machine.

    Args:
        setting: "auto" stands for bf16 where the GPU, or without one the processor (AVX512-BF16 or AMX),
            multiplies bf16 in hardware, and for fp32 elsewhere, where bf16 would be slower.
    """
    if setting != "auto":
        return setting
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities()
        native = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return "bf16" if native else "fp32"
