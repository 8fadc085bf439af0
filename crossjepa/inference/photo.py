"""From a photo to the embedding that the teacher would give a rendered view of the object in it.

The object is cut out, put on white and framed as in the views that the encoder learned from. Where a photo
has no transparency and no plain background, patches that look unlike those at the border are taken for the
object (the teacher's tokens tell them apart, as in arXiv 2112.05814), and GrabCut finds the outline
(https://doi.org/10.1145/1015706.1015720).
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crossjepa.errors import UserError
from crossjepa.inference.pretrained import Pretrained
from crossjepa.inference.teacher import find_teacher
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings

Mask = NDArray[np.bool_]
LARGEST = 640  # pixels of the longer side; enough to cut out an object
LOOK = 448  # pixels of the square in which the teacher looks for the object
PLAIN = 12  # levels of 255 by which the border of a plain background may differ from its median
ALIKE = 5  # border patches that a patch is compared with
MARGIN = 1.02  # as in the rendered views
SMALLEST = 0.005  # share of the photo that an object must fill


def embed_photo(photo: Any, encoder: Pretrained) -> NDArray[np.float32]:
    """The teacher's embedding of the object in a photo: of what `cut_out` gives, as `embed_view` gives it."""
    return embed_view(cut_out(photo, encoder), encoder)


def cut_out(photo: Any, encoder: Pretrained) -> NDArray[np.uint8]:
    """The object in a photo, on white, framed as in the views that the encoder learned from.

    Args:
        photo: a path, an image of Pillow, or an (H, W, 3) uint8 array.
        encoder: which teacher, and how large its views are.

    Returns:
        (S, S, 3) uint8.

    Raises:
        UserError: if the photo cannot be read or shows nothing, or the teacher cannot be had.
    """
    image = read_photo(photo)
    mask = find_object(image, _teacher(encoder))
    return frame(
        np.asarray(image.convert("RGB")), mask, encoder.provenance["teacher"]["render"]["image_size"]
    )


def embed_view(view: NDArray[np.uint8], encoder: Pretrained) -> NDArray[np.float32]:
    """The teacher's embedding of a view.

    Args:
        view: (S, S, 3) uint8.
        encoder: which teacher, and by what its embeddings were standardised.

    Returns:
        (E,) float32, standardised like the encoder's feature `imagined`.

    Raises:
        UserError: if the encoder has no predictor, or the teacher cannot be had.
    """
    if encoder.imagination is None:
        raise UserError("the encoder cannot imagine views: put its predictor.safetensors beside it")
    embedding = torch.from_numpy(_teacher(encoder).embed(view[None])[0]).float()
    mean, std = encoder.imagination.mean.cpu(), encoder.imagination.std.cpu()
    return ((embedding - mean) / std).numpy()


def _teacher(encoder: Pretrained) -> Teacher:
    folder, settings = find_teacher(encoder.provenance, encoder.folder)
    return _load(folder, settings.model_dump_json())


@lru_cache(maxsize=1)
def _load(folder: Path, settings: str) -> Teacher:
    """A teacher, kept for the next photo."""
    return Teacher(folder, TeacherSettings.model_validate_json(settings))


def read_photo(photo: Any) -> Image.Image:
    """A photo, upright, at most `LARGEST` pixels wide and high, as RGB or RGBA.

    Raises:
        UserError: if it is not a picture.
    """
    try:
        image = photo if isinstance(photo, Image.Image) else None
        if image is None:
            image = Image.fromarray(photo) if isinstance(photo, np.ndarray) else Image.open(Path(photo))
        image = ImageOps.exif_transpose(image)
        transparent = "A" in image.getbands() or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
    except (OSError, TypeError, ValueError, Image.DecompressionBombError) as error:
        name = photo if isinstance(photo, str | Path) else type(photo).__name__
        raise UserError(
            f"{name}: not a picture that can be read ({error}); give a JPEG or PNG file"
        ) from error
    image.thumbnail((LARGEST, LARGEST))
    return image


def find_object(image: Image.Image, teacher: Teacher) -> Mask:
    """(H, W) bool: where the object is, by transparency, a plain background, or the teacher's tokens.

    Raises:
        UserError: if the whole picture has one colour.
    """
    pixels = np.asarray(image.convert("RGB"))
    if image.mode == "RGBA" and not (opaque := np.asarray(image)[:, :, 3] > 127).all() and opaque.any():
        return opaque
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(int)
    median = np.median(border, axis=0)
    if (np.abs(border - median).max(axis=1) <= PLAIN).mean() > 0.9:
        differs: Mask = np.abs(pixels - median).max(axis=2) > PLAIN
        if not differs.any():
            raise UserError("the picture shows nothing but a background; give one with an object")
        return differs
    return _outline(pixels, _unlike_border(pixels, teacher))


def frame(pixels: NDArray[np.uint8], mask: Mask, size: int) -> NDArray[np.uint8]:
    """Put an object on white, so that the circle around it fills the picture.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H, W) bool, somewhere true.
        size: pixels of a side of the result.

    Returns:
        (size, size, 3) uint8.
    """
    rows, columns = np.nonzero(mask)
    y, x = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    radius = max(1.0, MARGIN * float(np.hypot(rows - y, columns - x).max()))
    white = Image.fromarray(np.where(mask[..., None], pixels, 255).astype(np.uint8))
    box = (x - radius, y - radius, x + radius, y + radius)
    crop = Image.new("RGB", (round(2 * radius), round(2 * radius)), "white")
    crop.paste(white, (round(-box[0]), round(-box[1])))
    return np.array(crop.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2))


@torch.inference_mode()
def _unlike_border(pixels: NDArray[np.uint8], teacher: Teacher) -> Mask:
    """(H, W) bool: the largest region of patches whose tokens are unlike those at the border."""
    square = cv2.resize(pixels, (LOOK, LOOK), interpolation=cv2.INTER_CUBIC)
    tokens = teacher.tokens(square[None])[0, teacher.added :].float().cpu()
    side = round(len(tokens) ** 0.5)
    grid = F.normalize(tokens - tokens.mean(0), dim=1).view(side, side, -1)
    border = torch.cat([grid[0], grid[-1], grid[1:-1, 0], grid[1:-1, -1]])
    alike = (grid.flatten(0, 1) @ border.T).topk(ALIKE).values.mean(1).view(side, side).numpy()
    levels = cv2.normalize(alike, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    _, unlike = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    opened = cv2.morphologyEx(unlike, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    _, regions, sizes, _ = cv2.connectedComponentsWithStats(opened if opened.any() else unlike)
    largest = (regions == 1 + sizes[1:, cv2.CC_STAT_AREA].argmax()).astype(np.float32)
    mask: Mask = cv2.resize(largest, pixels.shape[1::-1]) > 0.5
    return mask


def _outline(pixels: NDArray[np.uint8], rough: Mask) -> Mask:
    """The outline of what a rough mask covers; the rough mask itself where GrabCut finds next to nothing."""
    reach = max(3, min(rough.shape) // 6)
    near = cv2.dilate(rough.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    labels = np.where(rough, cv2.GC_PR_FGD, np.where(near, cv2.GC_PR_BGD, cv2.GC_BGD)).astype(np.uint8)
    labels[[0, -1]] = labels[:, [0, -1]] = cv2.GC_BGD
    if not (labels == cv2.GC_PR_FGD).any():
        return rough
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(
        np.ascontiguousarray(pixels[..., ::-1]),
        labels,
        None,
        background,
        foreground,
        8,
        cv2.GC_INIT_WITH_MASK,
    )
    found: Mask = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    return found if found.mean() >= SMALLEST else rough
