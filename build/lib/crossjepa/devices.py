"""The devices to compute on, and their precision."""

from typing import Literal

import torch
from lightning_fabric import Fabric


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


def make_fabric(
    precision: Literal["auto", "bf16", "fp32"] = "fp32", devices: int = 1, nodes: int = 1
) -> Fabric:
    """A Fabric, not yet launched, for GPUs, or for the processor of a machine without them.

    Args:
        precision: of the forward and backward pass; weights stay float32.
        devices: GPUs of each node, or processes where there is no GPU.
        nodes: machines; their launcher (srun or torchrun) starts one process for each device.
    """
    return Fabric(
        accelerator="auto",
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision="bf16-mixed" if resolve_precision(precision) == "bf16" else "32-true",
    )
