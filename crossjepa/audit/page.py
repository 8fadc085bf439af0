"""The audit as a table for programs and as a page for people."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from PIL import Image

from crossjepa.audit.findings import KINDS, Audit
from crossjepa.data.described import DescribedObjects
from crossjepa.errors import UserError
from crossjepa.files import write_text, write_whole
from crossjepa.pictures import picture_uri
from crossjepa.search.drawing import draw_cloud
from crossjepa.store.reading import read_array
from crossjepa.store.seal import read_manifest

FORMATS = (".html", ".csv")
MOST_PICTURES = 1000


def check_formats(paths: list[Path]) -> None:
    """Check that an audit can be written under some names.

    Raises:
        UserError: if an ending names no format.
    """
    for path in paths:
        if path.suffix not in FORMATS:
            raise UserError(f"{path}: its name must end in {' or '.join(FORMATS)}")


def write_audit(path: Path, audit: Audit, title: str, pictures: Mapping[str, str] | None = None) -> None:
    """Write an audit, whole or not at all.

    Args:
        path: an `.html` page with a table for each kind of finding, or a `.csv` with a row for each finding.
        audit: the audit.
        title: what was audited.
        pictures: data URIs by id, to show on the page.
    """
    check_formats([path])
    if path.suffix == ".html":
        write_text(path, _page(audit, title, pictures or {}))
        return
    with write_whole(path) as partial:
        audit.findings.to_csv(partial, index=False, float_format="%.4g")


def read_pictures(targets: Path, findings: pd.DataFrame) -> dict[str, str]:
    """Thumbnails of the objects in findings as data URIs, by id.

    Args:
        targets: the data set's sealed target store.
        findings: see `Audit`.
    """
    stored = read_manifest(targets).rows
    names = [name for name in shown_ids(findings) if name in stored]
    first = read_array(targets, "thumbnails", leading=1, rows=[stored[name] for name in names])[:, 0]
    return {name: picture_uri(Image.fromarray(view), "WEBP") for name, view in zip(names, first, strict=True)}


def draw_pictures(objects: DescribedObjects, findings: pd.DataFrame) -> dict[str, str]:
    """Drawings of the clouds of objects in findings as data URIs, by id; without a graphics driver."""
    shown = shown_ids(findings)
    pairs = zip(objects.table["id"], objects.clouds, strict=True)
    return {name: picture_uri(draw_cloud(cloud), "WEBP") for name, cloud in pairs if name in shown}


def shown_ids(findings: pd.DataFrame) -> set[str]:
    """Ids of the first `MOST_PICTURES` objects in findings."""
    ids = dict.fromkeys(findings[["id", "other"]].to_numpy().ravel())
    ids.pop("", None)  # where there is no second object
    return set(list(ids)[:MOST_PICTURES])


def _page(audit: Audit, title: str, pictures: Mapping[str, str]) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("crossjepa.audit").joinpath("page.html").read_text("utf-8"))
    rows = {kind: audit.findings[audit.findings["kind"] == kind].to_dict("records") for kind in KINDS}
    return template.render(audit=audit, title=title, kinds=KINDS, rows=rows, pictures=pictures)
