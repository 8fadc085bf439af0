"""The target store: each view's embedding, camera pose and colours, and each object's thumbnails."""

from pathlib import Path

from crossjepa.data.settings import Source
from crossjepa.render.settings import RenderSettings
from crossjepa.render.thumbnails import thumbnails_spec
from crossjepa.store.sharded import ArraySpec, Layout, create
from crossjepa.teacher.description import read_description
from crossjepa.teacher.settings import TeacherSettings


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
        "thumbnails": thumbnails_spec(render.views),
    }
    attributes = {
        "kind": "targets",
        "source": source.model_dump(mode="json", exclude={"path"}),
        "render": render.model_dump(mode="json", exclude={"keep_views"}),
        "teacher": settings.model_dump(mode="json", exclude={"path"}),
        "weights": description,
    }
    create(path, layout, specs, attributes)
