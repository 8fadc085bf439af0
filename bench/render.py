"""Views per second of one process, of procedural shapes, everything included.

    python bench/render.py [--driver NVIDIA]

Fails if the name of the driver lacks the given text.
"""

from ctypes.util import find_library
from time import perf_counter
from typing import Annotated

import typer
from device import row

from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import DataSettings, ShapesSource
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views


def main(
    objects: int = 96, driver: Annotated[str, typer.Option(help="A part of the driver's name.")] = ""
) -> None:
    """Render, and check the driver."""
    settings, dataset = RenderSettings(), open_dataset(ShapesSource(objects=objects))
    ids = [record.id for record in dataset.objects()]
    start = perf_counter()
    _, set_aside = render_views(dataset, ids, settings, DataSettings().limits)
    rate = len(ids) * settings.views / (perf_counter() - start)
    size, found = settings.image_size, Renderer(settings).driver
    row(f"rendering by {found}", f"{rate:,.0f} views/s of {size} x {size} pixels, one process")
    if set_aside:
        raise SystemExit(f"{len(set_aside)} objects could not be drawn: {next(iter(set_aside.values()))}")
    if driver not in found:
        library = f"EGL_{driver.lower()}"
        state = "is installed" if find_library(library) else "is missing"
        raise SystemExit(f"rendered by {found}, not by {driver}'s EGL: lib{library} {state}")


if __name__ == "__main__":
    typer.run(main)
