"""Lightning Fabric, which spreads work over devices in a precision."""

import re
from typing import Literal

from lightning_fabric import Fabric

from crossjepa.devices import resolve_precision
from crossjepa.errors import UserError


def make_fabric(
    precision: Literal["auto", "bf16", "fp32"] = "fp32", devices: int = 1, nodes: int = 1
) -> Fabric:
    """A Fabric, not yet launched, on GPUs, or on the CPU of a machine without them.

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


def launch(precision: Literal["auto", "bf16", "fp32"], devices: str) -> Fabric:
    """A launched Fabric: from here on, this is one of its processes.

    Args:
        precision: as for `make_fabric`.
        devices: number of GPUs, or nodes x GPUs of each, as in 2x4.

    Raises:
        UserError: if `devices` is neither, or as many processes did not start.
    """
    count = re.fullmatch(r"(?:([1-9]\d*)x)?([1-9]\d*)", devices)
    if not count:
        raise UserError(f"--devices {devices}: must be a number of GPUs, or nodes x GPUs of each, as in 2x4")
    nodes, each_node = int(count[1] or 1), int(count[2])
    fabric = make_fabric(precision, each_node, nodes)
    fabric.launch()
    if fabric.world_size != nodes * each_node:
        raise UserError(
            f"--devices {devices} needs {nodes * each_node} processes, but {fabric.world_size} started; "
            "under Slurm srun has to start them: see launcher in profiles/slurm/config.yaml"
        )
    return fabric
