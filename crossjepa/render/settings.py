"""Settings of rendering."""

from typing import Literal

from crossjepa.settings import Section, setting


class RenderSettings(Section):
    """The views that the teacher sees."""

    views: int = setting(8, "Views of each object.", "views", ge=1, le=64)
    image_size: int = setting(224, "Width and height of a view.", "pixels", ge=32, le=1024)
    layout: Literal["ring", "fibonacci"] = setting(
        "ring", "Cameras on a ring around the up axis, or spread evenly over the sphere (Fibonacci)."
    )
    elevation: float = setting(25.0, "Height of the ring's cameras.", "degrees", gt=-90, lt=90)
    field_of_view: float = setting(40.0, "Vertical field of view.", "degrees", ge=10, le=120)
    colour_bins: int = setting(8, "Bins of each channel's colour histogram.", "bins", ge=2, le=64)
    keep_views: bool = setting(False, "Keep the rendered views after the teacher has embedded them.")
