"""What networks cost: parameters of each part, operations an object, memory a batch.

Measured on the networks themselves: operations and saved activations are counted in one real training step of
two objects on the CPU.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from crossjepa.devices import resolve_precision
from crossjepa.model.frames import normalise
from crossjepa.model.grouping import group, patches
from crossjepa.model.sizes import SIZES, build
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.settings import PretrainSettings

OBJECTS = 2  # of the measured step
ADAM_BYTES = 16  # a parameter: itself, its gradient and two moments, all float32


def measure(settings: PretrainSettings, colour_dim: int, target_dim: int) -> dict[str, Any]:
    """Build the networks and measure them.

    Args:
        settings: `model`, `conditioning`, `points`, `views_per_step`, `batch_size`, `precision`.
        colour_dim: width of a view's colour histogram.
        target_dim: width of the teacher's embedding.

    Returns:
        `model` and `conditioning`; `parameters` by part; `encoder_gflops` and `step_gflops`, 10^9 operations
        to encode an object and to train on it; `state_mb`, megabytes of weights, gradients and moments, and
        `activations_mb`, kept for the backward pass of a batch.
    """
    torch.manual_seed(0)
    model = build(settings.model, target_dim, colour_dim, settings.conditioning)
    shape, views = SIZES[settings.model].encoder, settings.views_per_step
    clouds = normalise(torch.randn(OBJECTS, settings.points, 3))[0]
    cut = patches(clouds, *group(clouds, shape.groups, shape.group_size))
    with FlopCounterMode(display=False) as encoding, torch.no_grad():
        model.encoder(*cut)
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:  # views of one storage count once
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    bf16 = resolve_precision(settings.precision) == "bf16"
    with FlopCounterMode(display=False) as stepping:
        with saved_tensors_hooks(note, lambda tensor: tensor):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                inputs = torch.randn(OBJECTS, views, 6), torch.rand(OBJECTS, views, colour_dim)
                predicted, _ = model(*cut, *inputs)
            loss = F.smooth_l1_loss(predicted.float(), torch.zeros(predicted.shape))
        loss.backward()
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    activations = sum(size for place, size in saved.items() if place not in weights)
    encoder, predictor = model.encoder, model.predictor
    return {
        "model": settings.model,
        "conditioning": settings.conditioning,
        "parameters": {
            "patch embedding": parameters(encoder.embed) + parameters(encoder.position),
            "encoder blocks": parameters(encoder.blocks) + parameters(encoder.norm),
            "encoder": parameters(encoder),
            "predictor blocks": parameters(predictor.blocks),
            "predictor": parameters(predictor),
            "all": parameters(model),
        },
        "encoder_gflops": encoding.get_total_flops() / OBJECTS / 1e9,
        "step_gflops": stepping.get_total_flops() / OBJECTS / 1e9,
        "state_mb": ADAM_BYTES * parameters(model) / 1e6,
        "activations_mb": activations / OBJECTS * settings.batch_size / 1e6,
    }
