"""One shard's views, and what the target store keeps of them beside their embeddings."""

import gc
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.data.dataset import BadMesh, Dataset, gather
from crossjepa.data.normalise import count_faces, unit_sphere
from crossjepa.render.cameras import place_cameras
from crossjepa.render.prerendered import Views, read_views
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import THUMBNAIL, RenderSettings
from crossjepa.store.bundle import Arrays
from crossjepa.store.sharded import ArraySpec

LARGE = 30_000  # faces


def render_views(
    dataset: Dataset, ids: Sequence[str], settings: RenderSettings
) -> tuple[Arrays, dict[str, str]]:
    """Render objects, or read the views that the data set has of them. An object that cannot be drawn is set
    aside, and its rows stay zero.

    Args:
        dataset: gives the meshes or the views.
        ids: the n objects.
        settings: the render section.

    Returns:
        `views` (n, V, S, S, 3) uint8 sRGB on white, `pose` (n, V, 6) float32 (see `cameras`), `colour`
        (n, V, 3 bins) float32 (see `colour_histogram`) and `thumbnail` (n, 96, 96, 3) uint8 of each first
        view; and the reason for each object set aside.

    Raises:
        UserError: if there is no GL context, or the data set itself cannot be read.
    """
    specs = {
        "views": ArraySpec((settings.views, settings.image_size, settings.image_size, 3), "uint8"),
        "pose": ArraySpec((settings.views, 6), "float32"),
        "colour": ArraySpec((settings.views, 3 * settings.colour_bins), "float32"),
        "thumbnail": ArraySpec((THUMBNAIL, THUMBNAIL, 3), "uint8"),
    }
    return gather(partial(_arrays_of, dataset, settings=settings), ids, specs, "render")


def colour_histogram(
    view: NDArray[np.uint8], foreground: NDArray[np.bool_], bins: int
) -> NDArray[np.float32]:
    """Shares of the foreground's pixels by colour, the side information of CrossJEPA's predictor
    (arXiv:2511.18424).

    Args:
        view: (S, S, 3) uint8.
        foreground: (S, S) bool; where it is empty, as for a sheet seen edge-on, all pixels count.
        bins: equal intervals of 0..255.

    Returns:
        (3 bins,) float32: histograms of red, green and blue, each with sum 1.
    """
    pixels = view[foreground] if foreground.any() else view.reshape(-1, 3)
    binned = pixels.astype(np.int64) * bins // 256
    counts = [np.bincount(binned[:, channel], minlength=bins) for channel in range(3)]
    return (np.concatenate(counts) / len(pixels)).astype(np.float32)


def _arrays_of(dataset: Dataset, object_id: str, settings: RenderSettings) -> Arrays:
    """One object's row of each array that `render_views` returns."""
    views, foreground, poses = _views_of(dataset, object_id, settings)
    if not foreground.any():
        raise BadMesh("no pixel of the object is visible")
    bins = settings.colour_bins
    colours = [colour_histogram(*pair, bins) for pair in zip(views, foreground, strict=True)]
    thumbnail = Image.fromarray(views[0]).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return {"views": views, "pose": poses, "colour": np.stack(colours), "thumbnail": np.asarray(thumbnail)}


def _views_of(dataset: Dataset, object_id: str, settings: RenderSettings) -> Views:
    """Views, foreground and poses of one object, with the shapes of `read_views`."""
    files = dataset.views(object_id)
    if files is not None:  # no GL context is opened
        return read_views(files, settings)
    scene, poses = dataset.load(object_id), place_cameras(settings)
    views, foreground = Renderer(settings).draw(scene, unit_sphere(scene), poses)
    faces = count_faces(scene)
    del scene
    # Cached values of a scene refer to each other and stay in memory until they are collected. Collecting
    # takes long, so it is done after large scenes only.
    if faces > LARGE:
        gc.collect()
    return views, foreground, poses
