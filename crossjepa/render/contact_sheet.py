"""A contact sheet: thumbnails of objects of every class, as the teacher sees them."""

from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from crossjepa.data.dataset import Dataset
from crossjepa.data.guard import Limits
from crossjepa.files import write_whole
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views

OBJECTS, COLUMNS, VIEWS = 30, 5, 3
TILE, GAP, LINE, HEAD = 112, 12, 22, 46  # pixels: a view, space between cells, a class name, the title
CELL = (VIEWS * TILE + GAP, LINE + TILE + GAP)


def choose(catalog: pd.DataFrame, count: int = OBJECTS) -> pd.DataFrame:
    """Choose rows spread evenly over the classes, or over the whole catalog when no object is labelled.

    Args:
        catalog: with columns id, class and status.
        count: how many rows at most.

    Returns:
        The rows, sorted by class: the first of each class, then the second of each, and so on up to `count`.
    """
    usable = catalog[catalog["status"] == "ok"]
    labelled = usable[usable["class"] != ""]
    if labelled.empty:
        return usable.iloc[:: max(1, len(usable) // count)].head(count)
    by_class = labelled.sort_values("class", kind="stable")
    turn = by_class.groupby("class").cumcount().sort_values(kind="stable")
    return by_class.loc[turn.index[:count]].sort_values("class", kind="stable")


def draw_contact_sheet(
    dataset: Dataset, catalog: pd.DataFrame, settings: RenderSettings, limits: Limits, name: str, output: Path
) -> None:
    """Write a PNG with three views of up to thirty objects, each under its class.

    Args:
        dataset: gives the meshes.
        catalog: its catalog.
        settings: the render section; its `views` is overridden.
        limits: of reading one object.
        name: the data set's name, for the title.
        output: the PNG.

    Raises:
        UserError: if there is no GL context.
    """
    rows = choose(catalog)
    settings = settings.model_copy(update={"views": VIEWS})
    arrays, set_aside = render_views(dataset, rows["id"].tolist(), settings, limits)
    lines = -(-len(rows) // COLUMNS)
    sheet = Image.new("RGB", (GAP + COLUMNS * CELL[0], HEAD + lines * CELL[1]), "white")
    pen = ImageDraw.Draw(sheet)
    kind = "procedural meshes" if (catalog["source"] == "procedural").all() else "meshes"
    classes = catalog.loc[catalog["class"] != "", "class"].nunique()
    title = f"{name}: {len(rows)} of {len(catalog)} {kind}, {classes} classes"
    pen.text((GAP, GAP), title, "black", ImageFont.load_default(18))
    font = ImageFont.load_default(13)
    for position, (object_id, label) in enumerate(zip(rows["id"], rows["class"], strict=True)):
        line, column = divmod(position, COLUMNS)
        x, y = GAP + column * CELL[0], HEAD + line * CELL[1]
        caption = "cannot be drawn" if object_id in set_aside else label or "unlabelled"
        pen.text((x, y), caption, "black", font)
        for view, image in enumerate(arrays["views"][position]):
            tile = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.BOX)
            sheet.paste(tile, (x + view * TILE, y + LINE))
    with write_whole(output) as partial:
        sheet.save(partial, "PNG")
