"""A trial of a teacher before anything is rendered: it must see images, whole and the same way each time."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings

# Largest differences of embeddings with variance 1: by rounding in bf16, and of an image from another.
ROUNDING, BLIND = 0.02, 0.002


def try_teacher(folder: Path, settings: TeacherSettings, size: int, absent: Mapping[str, str]) -> None:
    """Embed two images twice with the weights in `folder`, and refuse a teacher that does it wrongly.

    Args:
        folder: holds the weights, the configuration and the image processor.
        settings: the teacher section.
        size: pixels of a view's side.
        absent: tensors that the given weights lack or have in another shape, and why; transformers fills
            them with random values.

    Raises:
        UserError: if the teacher cannot embed such images, needs an absent tensor, gives other tokens than
            one for each patch and its CLS and registers, or gives embeddings that are not finite, differ
            from one time to the next, or are the same for different images.
    """
    pictures = _pictures(size)
    try:
        teacher = Teacher(folder, settings)
        _check_tokens(teacher, settings.name, pictures)
        needed = _needed(teacher, pictures[:1]) & absent.keys() if absent else set()
        first, second = (teacher.embed(pictures).astype(float) for _ in range(2))
    except UserError:
        raise
    except Exception as error:  # each architecture fails in its own way, with the same remedy
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"teacher.name: {settings.name} cannot embed a view of {size} x {size} pixels ({reason}); name a "
            "plain vision transformer, such as facebook/dinov2-base, or set render.image_size to the size "
            "that it was trained with"
        ) from error
    if needed:
        named = min(needed)
        more = f", and {len(needed) - 1} others do not fit either" if len(needed) > 1 else ""
        raise UserError(
            f"teacher.name: the weights of {settings.name} do not fit: {named} (as transformers names it) "
            f"{absent[named]}{more}; it would get random values; give the weights that belong to config.json"
        )
    _check_embeddings(settings.name, first, second)


def _pictures(size: int) -> NDArray[np.uint8]:
    """(2, size, size, 3) uint8: noise, and a smooth shade."""
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3))
    shade = np.broadcast_to(np.linspace(0, 255, size)[:, None, None], (size, size, 3))
    return np.stack([noise, shade]).astype(np.uint8)


@torch.inference_mode()
def _check_tokens(teacher: Teacher, name: str, pictures: NDArray[np.uint8]) -> None:
    size = pictures.shape[1]
    found = tuple(teacher.tokens(pictures).shape)
    patches, width = teacher.patches(size), teacher.width
    if found != (len(pictures), patches + teacher.added, width) or not patches:
        raise UserError(
            f"teacher.name: {name} gives {list(found[1:])} tokens after block {teacher.layer} for a view of "
            f"{size} x {size} pixels, not {patches} patches and {teacher.added} others of width {width}; "
            "name a plain vision transformer, such as facebook/dinov2-base"
        )


def _needed(teacher: Teacher, pictures: NDArray[np.uint8]) -> set[str]:
    """Names of the parameters that embeddings depend on, such as no pooler's: those that get a gradient."""
    teacher.model.requires_grad_(True)
    parameters = dict(teacher.model.named_parameters())
    total = teacher.summary(teacher.tokens(pictures)).sum()
    gradients = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
    teacher.model.requires_grad_(False)
    return {name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None}


def _check_embeddings(name: str, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    if not np.isfinite([first, second]).all():
        remedy = "fetch its weights again, set teacher.precision to fp32, or name another"
        raise UserError(f"teacher.name: {name} embeds a trial image to values that are not finite; {remedy}")
    if np.abs(first - second).max() > ROUNDING:
        why = "probably because it masks patches at random; name one that does not"
        raise UserError(f"teacher.name: {name} embeds the same image differently each time, {why}")
    if np.abs(first[0] - first[1]).max() <= BLIND:
        raise UserError(
            f"teacher.name: {name} embeds different images alike, so it sees nothing; fetch its weights "
            "again, choose another teacher.layer, or name another"
        )
