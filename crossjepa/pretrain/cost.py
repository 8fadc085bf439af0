"""What a size costs: parameters of each part, arithmetic an object, memory a batch.

Measured on the networks themselves: operations are counted, and saved activations weighed, in one real step
of two objects on the processor.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from crossjepa.config import Config
from crossjepa.model.grouping import group, patches
from crossjepa.model.jepa import CrossJEPA
from crossjepa.model.sizes import SIZES, build
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.clouds import normalised

OBJECTS = 2  # of the measured step
ADAM_BYTES = 16  # a parameter: itself, its gradient, two moments, all float32


@dataclass(frozen=True)
class Cost:
    """What one configuration's networks cost.

    Attributes:
        model: the size's name.
        conditioning: what the predictor is told.
        parameters: by part, `encoder`, `predictor` and `all` among them.
        encoder_gflops: billions of operations to encode one object.
        step_gflops: the same of one object in a training step, forward and backward.
        state_mb: megabytes of weights, gradients and the optimiser's moments.
        activations_mb: megabytes kept for the backward pass of one batch.
    """

    model: str
    conditioning: str
    parameters: dict[str, int]
    encoder_gflops: float
    step_gflops: float
    state_mb: float
    activations_mb: float


def measure(config: Config, target_dim: int) -> Cost:
    """Build the networks of a configuration and measure them.

    Args:
        config: `pretrain` and `render` are used.
        target_dim: width of the teacher's embedding.
    """
    chosen, colour_dim = config.pretrain, 3 * config.render.colour_bins
    torch.manual_seed(0)
    model = build(chosen.model, target_dim, colour_dim, chosen.conditioning, chosen.predictor_depth)
    shape, views = SIZES[chosen.model].encoder, chosen.views_per_step
    cloud = normalised(torch.randn(OBJECTS, chosen.points, 3))
    cut = patches(cloud, *group(cloud, shape.groups, shape.group_size))
    seen = torch.randn(OBJECTS, views, 6), torch.rand(OBJECTS, views, colour_dim)
    with FlopCounterMode(display=False) as encoding, torch.no_grad():
        model.encoder(*cut)
    kept: dict[int, int] = {}
    with FlopCounterMode(display=False) as stepping:
        with saved_tensors_hooks(lambda t: _weigh(t, kept), lambda t: t):
            loss = _loss(model, cut, seen, chosen.precision)
        loss.backward()
    parts = {
        "patch embedding": parameters(model.encoder.embed) + parameters(model.encoder.position),
        "encoder blocks": parameters(model.encoder.blocks) + parameters(model.encoder.norm),
        "encoder": parameters(model.encoder),
        "predictor blocks": parameters(model.predictor.blocks),
        "predictor": parameters(model.predictor),
        "all": parameters(model),
    }
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    activations = sum(size for place, size in kept.items() if place not in weights)
    return Cost(
        model=chosen.model,
        conditioning=chosen.conditioning,
        parameters=parts,
        encoder_gflops=encoding.get_total_flops() / OBJECTS / 1e9,
        step_gflops=stepping.get_total_flops() / OBJECTS / 1e9,
        state_mb=ADAM_BYTES * parts["all"] / 1e6,
        activations_mb=activations / OBJECTS * chosen.batch_size / 1e6,
    )


def lines(cost: Cost) -> list[str]:
    """The same for people, a line each."""
    named = {f"parameters, {part}": f"{count:,}" for part, count in cost.parameters.items()}
    rest = {
        "encoding, GFLOP an object": f"{cost.encoder_gflops:.2f}",
        "training step, GFLOP an object": f"{cost.step_gflops:.2f}",
        "weights, gradients, moments, MB": f"{cost.state_mb:.0f}",
        "activations of a batch, MB": f"{cost.activations_mb:.0f}",
    }
    heading = {"size": cost.model, "conditioning": cost.conditioning}
    return [f"{name:<34}{value:>14}" for name, value in (heading | named | rest).items()]


def _loss(
    model: CrossJEPA, cut: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor], precision: str
) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        predicted, _ = model(*cut, *seen)
    return F.smooth_l1_loss(predicted.float(), torch.zeros_like(predicted, dtype=torch.float32))


def _weigh(tensor: Tensor, kept: dict[int, int]) -> Tensor:
    """Note the size of what is saved; views of one storage count once."""
    kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return tensor
