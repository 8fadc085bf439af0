"""Which files a data set is fetched as, and where its files must lie: known before anything runs."""

import csv
from pathlib import Path

from crossjepa.data.listing import holds_meshes, object_files
from crossjepa.data.settings import (
    AnySource,
    FolderSource,
    FurnitureSource,
    ModelNetSource,
    ScanObjectNNSource,
    ShapeNetSource,
)
from crossjepa.errors import UserError

FURNITURE_ARCHIVES = {  # SHA-256 of each
    "BlendSwap-CC-0.sh3f": "7ef093fe70cedbb160bdb532d86a84580459635e34130c16777f549eba1993dc",
    "BlendSwap-CC-BY.sh3f": "29ae78937b4d5dbe93db74067817a984fa411f017b007fd666bc40368bdb0c83",
    "KatorLegaz.sh3f": "f512443b5d3a6903497573095f971f44334b3165ab32182133051fa9487764a6",
    "Reallusion.sh3f": "dd553207876ccec6372dde7aaea6b2dcf2d631997fcdb8a9856a639e0db9aa9b",
    "Scopia.sh3f": "b4505451b1e8ab339c101c0afddfef4e1a07b95aa8c821c61ec41487afd43850",
}
MODELNET_ARCHIVES = {
    "meshes": "ModelNet{categories}.zip",
    "resampled": "modelnet40_normal_resampled.zip",
    "hdf5": "modelnet40_ply_hdf5_2048.zip",
}

BY_HAND = {  # what cannot be downloaded for a user, by kind
    "scanobjectnn": "ScanObjectNN cannot be downloaded without a licence form; fill it in at "
    "https://hkust-vgd.github.io/scanobjectnn/ and set data.scanobjectnn.path to its h5_files",
    "shapenet": "ShapeNet cannot be downloaded without an account; get ShapeNetCore from "
    "https://shapenet.org and set data.shapenet.path to it, or data.shapenet.points to the ShapeNet55 "
    "clouds of https://github.com/Julie-tang00/Point-BERT",
}


def downloads(source: AnySource) -> list[str]:
    """Names of the files that a data set is fetched as; none when it cannot be had without a login."""
    if isinstance(source, FurnitureSource):
        return list(FURNITURE_ARCHIVES)
    if isinstance(source, ModelNetSource):
        return [MODELNET_ARCHIVES[source.release].format(categories=source.categories)]
    return []


def places(source: AnySource) -> dict[str, Path]:
    """The files and folders that a data set's entry names, by key."""
    keys = ("path", "labels", "points", "views", "lists")
    return {key: Path(place) for key in keys if isinstance(place := getattr(source, key, None), str)}


def check_location(name: str, source: AnySource) -> None:
    """Make sure that everything which a data set's entry names is there.

    Args:
        name: the data set's, for the message.
        source: its entry under `data`.

    Raises:
        UserError: naming each key and place, or what belongs there.
    """
    missing = [f"data.{name}.{key}: {place}" for key, place in places(source).items() if not place.exists()]
    if missing:
        raise UserError(f"{'; '.join(missing)}: no such file or folder")
    if isinstance(source, FolderSource):
        object_files(Path(source.path))
    if source.kind in BY_HAND and not any(getattr(source, key, None) for key in ("path", "points")):
        raise UserError(f"data.{name}: {BY_HAND[source.kind]}")


def check_labels(name: str, source: AnySource) -> None:
    """Make sure that a folder has classes to probe, before anything is learned for their sake.

    Args:
        name: the data set's, for the message.
        source: its entry under `data`.

    Raises:
        UserError: if it has fewer than two.
    """
    if not isinstance(source, FolderSource):
        return
    if source.labels:
        with Path(source.labels).open(newline="", encoding="utf-8-sig", errors="replace") as file:
            classes = {row.get("class") or "" for row in csv.DictReader(file)}
    else:
        folder = Path(source.path)
        paths = [path.relative_to(folder).parts for path in object_files(folder)]
        classes = {parts[0] for parts in paths if len(parts) > 1}
    number = len(classes - {""})
    if number < 2:
        raise UserError(
            f"data.{name}: {source.labels or source.path} has {number} classes, and a probe needs two; sort "
            f"the files into a folder for each class, name a CSV with a column `class` in data.{name}.labels "
            f"(commas between its columns), or leave '{name}' out of probe.datasets, which may be empty"
        )


def has_meshes(source: AnySource) -> bool:
    """Whether a data set has surfaces to render."""
    if isinstance(source, FolderSource):
        return holds_meshes(Path(source.path))
    if isinstance(source, ModelNetSource):
        return source.release == "meshes"
    if isinstance(source, ShapeNetSource):
        return source.path is not None
    return not isinstance(source, ScanObjectNNSource)


def has_views(source: AnySource) -> bool:
    """Whether there is anything that the teacher could see: rendered views, or the data set's own."""
    return has_meshes(source) or (isinstance(source, ShapeNetSource) and source.views is not None)
