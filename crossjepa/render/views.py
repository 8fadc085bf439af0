"""One shard's views, with the poses, colours and thumbnails that the target store keeps."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossjepa.data.dataset import Dataset
from crossjepa.data.gather import gather
from crossjepa.data.guard import Guarded, Limits
from crossjepa.data.normalise import unit_sphere
from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh
from crossjepa.render.cameras import place_cameras
from crossjepa.render.prerendered import Views, read_views
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import RenderSettings
from crossjepa.render.thumbnails import thumbnails_spec
from crossjepa.store.bundle import Arrays
from crossjepa.store.sharded import ArraySpec

PALE = 250  # of 255; a pixel whose channels are all at least this is white, as the background
MIN_SEEN = 0.001  # share of a view's pixels


def render_views(
    dataset: Dataset, ids: Sequence[str], settings: RenderSettings, limits: Limits
) -> tuple[Arrays, dict[str, str]]:
    """Render objects, or read the views that the data set has of them. An object that cannot be drawn is set
    aside, and its rows stay zero.

    Args:
        dataset: gives the meshes or the views.
        ids: the n objects.
        settings: the render section.
        limits: of reading one object.

    Returns:
        `views` (n, V, S, S, 3) uint8 sRGB on white, `pose` (n, V, 6) float32 (see `cameras`), `colour`
        (n, V, 3 bins) float32 (see `colour_histogram`) and `thumbnails` (n, T, 96, 96, 3) uint8 (see
        `thumbnails`); and the reason for each object set aside.

    Raises:
        UserError: if there is no GL context, or the data set itself cannot be read.
    """
    specs = {
        "views": ArraySpec((settings.views, settings.image_size, settings.image_size, 3), "uint8"),
        "pose": ArraySpec((settings.views, 6), "float32"),
        "colour": ArraySpec((settings.views, 3 * settings.colour_bins), "float32"),
        "thumbnails": thumbnails_spec(settings.views),
    }
    with Guarded(partial(_read, dataset, settings), limits) as reader:
        return gather(partial(_arrays_of, reader, settings=settings), ids, specs, "render")


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


def thumbnails(views: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Small copies of views that are evenly spread over all of them.

    Args:
        views: (V, S, S, 3).

    Returns:
        (T, 96, 96, 3), as `thumbnails_spec` says.
    """
    count, *side, _ = thumbnails_spec(len(views)).shape
    chosen = (Image.fromarray(views[i * len(views) // count]) for i in range(count))
    return np.stack([np.asarray(view.resize(side, Image.Resampling.BOX)) for view in chosen])


def _read(dataset: Dataset, settings: RenderSettings, object_id: str) -> Views | Mesh:
    """The views that the data set ships, which need no GL context, or else the mesh to draw."""
    files = dataset.views(object_id)
    return dataset.load(object_id) if files is None else read_views(files, settings)


def _arrays_of(reader: Guarded[Views | Mesh], object_id: str, settings: RenderSettings) -> Arrays:
    """One object's row of each array that `render_views` returns."""
    read = reader(object_id)
    views, foreground, poses = _draw(read, settings) if isinstance(read, Mesh) else read
    seen = (foreground & (views < PALE).any(axis=-1)).mean(axis=(1, 2)).max()
    if seen < MIN_SEEN:
        raise BadMesh(
            f"fills at most {seen:.2%} of a view with colours other than white; nothing to learn from"
        )
    bins = settings.colour_bins
    colours = [colour_histogram(*pair, bins) for pair in zip(views, foreground, strict=True)]
    return {"views": views, "pose": poses, "colour": np.stack(colours), "thumbnails": thumbnails(views)}


def _draw(mesh: Mesh, settings: RenderSettings) -> Views:
    poses = place_cameras(settings)
    return (*Renderer(settings).draw(mesh, unit_sphere(mesh), poses), poses)
