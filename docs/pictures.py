"""Make the pictures of the README from a finished run: `python docs/pictures.py results/shapes`.

Writes a drawing of the pipeline, a smaller copy of the contact sheet, and rows of nearest neighbours to
`docs/images/`. They show procedural shapes only, because other meshes would need their authors' names beside.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from crossjepa.config import Config
from crossjepa.report.neighbours import nearest
from crossjepa.settings import check, read_configuration
from crossjepa.store.bundle import read_bundle
from crossjepa.store.reading import read_array
from crossjepa.store.seal import read_manifest
from crossjepa.workflow import paths
from crossjepa.workflow.plan import Plan

IMAGES = Path(__file__).parent / "images"
QUERIES, NEIGHBOURS = 4, 6
SHEET_WIDTH = 1000  # pixels
# Stages with the centre of their box; arrows with what they carry and where that is written.
STAGES = {
    "data": (2.2, 1.0),
    "render": (2.2, 0.0),
    "teacher": (4.0, 0.0),
    "pretrain": (6.0, 0.5),
    "features": (7.9, 0.5),
    "probe": (9.8, 0.5),
    "report": (11.7, 0.5),
}
MESHES = (0.6, 0.5)
ARROWS = [
    (MESHES, "data", ""),
    (MESHES, "render", ""),
    ("render", "teacher", "views"),
    ("teacher", "pretrain", "targets"),
    ("data", "pretrain", "point clouds"),
    ("pretrain", "features", "encoder"),
    ("features", "probe", "features"),
    ("probe", "report", "results"),
]
BOX = (1.1, 0.44)  # width, height


def draw_pipeline(output: Path) -> None:
    """Write the stages and what they hand to one another as SVG."""
    figure = Figure(figsize=(10.5, 2.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 12.5), ylim=(-0.5, 1.5))
    axes.axis("off")
    axes.text(*MESHES, "meshes", ha="center", va="center", fontsize=12)
    for name, (x, y) in STAGES.items():
        corner = (x - BOX[0] / 2, y - BOX[1] / 2)
        box = FancyBboxPatch(
            corner, *BOX, "round,pad=0,rounding_size=0.12", fc="#e3ecf7", ec="#30527d", lw=1.2
        )
        axes.add_patch(box)
        axes.text(x, y, name, ha="center", va="center", fontsize=12, color="#1c3554")
    for start, end, carries in ARROWS:
        (x0, y0), (x1, y1) = (STAGES[at] if isinstance(at, str) else at for at in (start, end))
        first, last = (x0 + BOX[0] / 2, y0), (x1 - BOX[0] / 2, y1)
        axes.annotate("", last, first, arrowprops={"arrowstyle": "->", "color": "#555", "lw": 1.2})
        middle = ((first[0] + last[0]) / 2, (y0 + y1) / 2)
        across = "left" if y0 != y1 else "center"
        above = y0 >= y1
        axes.annotate(
            carries,
            middle,
            (2, 3 if above else -3),
            textcoords="offset points",
            fontsize=9,
            ha=across,
            va="bottom" if above else "top",
        )
    with mpl.rc_context({"svg.hashsalt": "crossjepa"}):
        figure.savefig(output, metadata={"Date": None}, facecolor="white")


def draw_neighbours(features: Path, targets: Path, catalog: Path, output: Path) -> None:
    """Write a PNG with one row for each query: a view of it, and of its nearest neighbours by cosine.

    Args:
        features: features of one encoder.
        targets: the data set's target store, with thumbnails.
        catalog: the data set's catalog.
        output: the PNG.

    Raises:
        SystemExit: if the data set does not consist of procedural shapes.
    """
    arrays, attributes = read_bundle(features)
    objects = pd.read_parquet(catalog).set_index("id").loc[attributes["ids"]]
    if set(objects["source"]) != {"procedural"}:
        sys.exit(f"{catalog}: not procedural shapes; other meshes need their authors' names")
    rows = pd.Series(range(len(objects))).groupby(objects["class"].to_numpy()).first()
    queries = rows.to_numpy()[np.linspace(0, len(rows) - 1, QUERIES).round().astype(int)]
    found = nearest(arrays["canonical_tokens"], queries, NEIGHBOURS)
    order = {name: row for row, name in enumerate(read_manifest(targets).ids)}
    first = read_array(targets, "thumbnails", leading=1)[:, 0]
    figure = Figure(figsize=(1.3 * (NEIGHBOURS + 1), 1.5 * QUERIES), layout="constrained")
    for line, shown in zip(figure.subplots(QUERIES, NEIGHBOURS + 1), np.c_[queries, found], strict=True):
        for axes, position in zip(line, shown, strict=True):
            axes.imshow(first[order[objects.index[position]]])
            axes.set_title(objects["class"].iloc[position], fontsize=9)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(position == shown[0])
    figure.savefig(output, dpi=100, facecolor="white")


def shrink(image: Path, output: Path) -> None:
    """Write a PNG of at most `SHEET_WIDTH` pixels and 256 colours."""
    with Image.open(image) as sheet:
        sheet.thumbnail((SHEET_WIDTH, sheet.height))
        sheet.convert("RGB").quantize(256).save(output, optimize=True)


def main(run: Path) -> None:
    """Make all pictures from the first probed data set and seed of a run."""
    config = check(Config, read_configuration([run / "config.yaml"]), str(run / "config.yaml"))
    plan, dataset = Plan(config), config.probe.datasets[0]
    IMAGES.mkdir(exist_ok=True)
    draw_pipeline(IMAGES / "pipeline.svg")
    features = plan.paths.features(dataset, "trained", config.pretrain.seeds[0])
    stores = Path(plan.targets(dataset)), Path(plan.catalog(dataset))
    draw_neighbours(Path(features), *stores, IMAGES / "neighbours.png")
    shrink(Path(paths.contact_sheet(plan.name("sheet", dataset))), IMAGES / "contact_sheet.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
