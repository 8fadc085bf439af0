"""Cost of the networks: parameters by part, operations per object, memory per batch.

Counted while the networks encode, and train for one step on, two random objects on the CPU.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from crossjepa.devices import resolve_precision
from crossjepa.model.grouping import group, patches
from crossjepa.model.sizes import build
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.settings import PretrainSettings

OBJECTS = 2  # of the measured step
ADAM_BYTES = 16  # per parameter: itself, its gradient and two moments, all float32


def measure(settings: PretrainSettings, colour_dim: int, target_dim: int) -> dict[str, Any]:
    """Build the networks and measure them.

    Args:
        settings: `model`, `conditioning`, `points`, `views_per_step`, `batch_size`, `precision`.
        colour_dim: width of a view's colour histogram.
        target_dim: width of the teacher's embedding.

    Returns:
        `model` and `conditioning`; `parameters` by part; `encoder_gflops` and `step_gflops`, 10^9 operations
        to encode an object and to train on it; `state_mb`, megabytes of weights, gradients and moments;
        `activations_mb`, megabytes kept for the backward pass of a batch.
    """
    model = build(settings.model, target_dim, colour_dim, settings.conditioning)
    encoder, predictor = model.encoder, model.predictor
    clouds, views = torch.randn(OBJECTS, settings.points, 3), (OBJECTS, settings.views_per_step)
    cut = patches(clouds, *group(clouds, encoder.config.groups, encoder.config.group_size))
    with FlopCounterMode(display=False) as encoding, torch.no_grad():
        encoder(*cut)
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()  # tensors that share a storage count once
        return tensor

    bf16 = resolve_precision(settings.precision) == "bf16"
    with FlopCounterMode(display=False) as stepping:
        with saved_tensors_hooks(note, lambda tensor: tensor):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                predicted, _ = model(*cut, torch.randn(*views, 6), torch.rand(*views, colour_dim))
            loss = F.smooth_l1_loss(predicted.float(), torch.zeros(predicted.shape))
        loss.backward()
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    activations = sum(size for place, size in saved.items() if place not in weights)
    parts = {
        "patch embedding": parameters(encoder.embed) + parameters(encoder.position),
        "encoder blocks": parameters(encoder.blocks) + parameters(encoder.norm),
        "encoder": parameters(encoder),
        "predictor blocks": parameters(predictor.blocks),
        "predictor": parameters(predictor),
        "all": parameters(model),
    }
    return {
        "model": settings.model,
        "conditioning": settings.conditioning,
        "parameters": parts,
        "encoder_gflops": encoding.get_total_flops() / OBJECTS / 1e9,
        "step_gflops": stepping.get_total_flops() / OBJECTS / 1e9,
        "state_mb": ADAM_BYTES * parts["all"] / 1e6,
        "activations_mb": activations / OBJECTS * settings.batch_size / 1e6,
    }
