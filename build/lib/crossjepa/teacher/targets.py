"""The target store: each view's embedding, camera pose and colours, and each object's thumbnail."""

from pathlib import Path

import numpy as np

from crossjepa.data.settings import Source
from crossjepa.progress import bar
from crossjepa.render.settings import THUMBNAIL, RenderSettings
from crossjepa.store.bundle import read_bundle
from crossjepa.store.sharded import ArraySpec, Layout, create, write_shard
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.teacher.weights import read_description


def create_targets(
    path: Path,
    layout: Layout,
    source: Source,
    render: RenderSettings,
    settings: TeacherSettings,
    weights: Path,
) -> None:
    """Lay out an empty target store; its attributes record everything that determines its values.

    Args:
        path: the store's folder.
        layout: how objects are cut into files.
        source: the data set's entry under `data`.
        render: how views are rendered.
        settings: the teacher section.
        weights: the folder that `fetch` wrote.

    Raises:
        UserError: if there are no objects.
    """
    description = read_description(weights)
    specs = {
        "embedding": ArraySpec((render.views, description["hidden_size"]), "float16"),
        "pose": ArraySpec((render.views, 6), "float32"),
        "colour": ArraySpec((render.views, 3 * render.colour_bins), "float32"),
        "thumbnail": ArraySpec((THUMBNAIL, THUMBNAIL, 3), "uint8"),
    }
    attributes = {
        "kind": "targets",
        "source": source.model_dump(mode="json", exclude={"path"}),
        "render": render.model_dump(mode="json", exclude={"keep_views"}),
        "teacher": settings.model_dump(mode="json", exclude={"path"}),
        "weights": description,
    }
    create(path, layout, specs, attributes)


def embed_shard(teacher: Teacher, views: Path, store: Path, shard: int) -> None:
    """Embed one shard's rendered views and write it into the target store.

    Args:
        teacher: the frozen teacher.
        views: the bundle that `render views` wrote.
        store: the target store, laid out already.
        shard: which shard.
    """
    arrays, attributes = read_bundle(views)
    images = arrays.pop("views")
    flat = images.reshape(-1, *images.shape[2:])
    embedding = np.empty((len(flat), teacher.width), dtype=np.float16)  # a store's last shards may be empty
    with bar(len(flat), f"embed shard {shard}", "image") as progress:
        for start in range(0, len(flat), teacher.batch):
            batch = flat[start : start + teacher.batch]
            embedding[start : start + len(batch)] = teacher.embed(batch)
            progress.update(len(batch))
    arrays["embedding"] = embedding.reshape(*images.shape[:2], teacher.width)
    write_shard(store, shard, attributes["ids"], arrays, attributes["set_aside"])
