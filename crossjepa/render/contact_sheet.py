"""A sheet of thumbnails, to see at a glance what a data set looks like to the teacher."""

import os
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from crossjepa.data.dataset import Dataset
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views

OBJECTS = 30
COLUMNS = 5
VIEWS = 3
TILE = 112  # pixels
GAP = 12
LINE = 22
HEAD = 46
CELL = (VIEWS * TILE + GAP, LINE + TILE + GAP)


def choose(catalog: pd.DataFrame, count: int = OBJECTS) -> pd.DataFrame:
    """Rows spread evenly over the classes, or over the whole catalog when nothing is labelled.

    Args:
        catalog: with columns id, class and status.
        count: how many rows at most.

    Returns:
        The rows, sorted by class: the first of each class, then the second of each, and so on until there
        are enough.
    """
    usable = catalog[catalog["status"] == "ok"]
    labelled = usable[usable["class"] != ""]
    if labelled.empty:
        return usable.iloc[:: max(1, len(usable) // count)].head(count)
    turn = labelled.groupby("class").cumcount()
    order = labelled.assign(turn=turn).sort_values(["turn", "class"], kind="stable").head(count)
    return order.drop(columns="turn").sort_values("class", kind="stable")


def draw_contact_sheet(
    dataset: Dataset, catalog: pd.DataFrame, settings: RenderSettings, name: str, output: Path
) -> None:
    """Write a PNG with three views of up to thirty objects, each under its class.

    Args:
        dataset: gives the meshes.
        catalog: its catalog; a `source` of `procedural` is told in the title.
        settings: the render section; its `views` is overridden.
        name: what the title calls the data set.
        output: the PNG.

    Raises:
        UserError: if there is no GL context.
    """
    rows = choose(catalog)
    arrays, set_aside = render_views(
        dataset, rows["id"].tolist(), settings.model_copy(update={"views": VIEWS})
    )
    lines = -(-len(rows) // COLUMNS)
    sheet = Image.new("RGB", (GAP + COLUMNS * CELL[0], HEAD + lines * CELL[1]), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, GAP), _title(name, catalog, len(rows)), "black", ImageFont.load_default(18))
    font = ImageFont.load_default(13)
    for position, (object_id, label) in enumerate(zip(rows["id"], rows["class"], strict=True)):
        line, column = divmod(position, COLUMNS)
        x, y = GAP + column * CELL[0], HEAD + line * CELL[1]
        shown = "cannot be drawn" if object_id in set_aside else label or "unlabelled"
        pen.text((x, y), shown, "black", font)
        for view, image in enumerate(arrays["views"][position]):
            tile = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.BOX)
            sheet.paste(tile, (x + view * TILE, y + LINE))
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    sheet.save(partial, "PNG")
    os.replace(partial, output)


def _title(name: str, catalog: pd.DataFrame, shown: int) -> str:
    kind = "procedural meshes" if (catalog["source"] == "procedural").all() else "meshes"
    classes = catalog.loc[catalog["class"] != "", "class"].nunique()
    return f"{name}: {shown} of {len(catalog)} {kind}, {classes} classes"
