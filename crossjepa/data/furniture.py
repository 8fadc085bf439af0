"""The 820 furniture models that Debian's `sweethome3d-furniture` ships, read straight from its archives.

Classes and groups of near-duplicates come from `furniture_labels.csv`: 425 models carry one of 26 classes.
"""

import hashlib
import re
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh

from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.files import ZipFiles
from crossjepa.data.listing import file_digest
from crossjepa.data.location import FURNITURE_ARCHIVES
from crossjepa.data.settings import FurnitureSource
from crossjepa.errors import UserError

PROPERTIES = "PluginFurnitureCatalog.properties"
LICENCES = {
    "BlendSwap-CC-0": "CC0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}


def check_archives(folder: Path) -> None:
    """Make sure that the five archives lie in `folder` and are whole.

    Raises:
        UserError: naming the first that is missing or differs.
    """
    for name in FURNITURE_ARCHIVES:
        path = folder / name
        if not path.is_file():
            raise UserError(
                f"{path}: missing; data.furniture.path must hold {', '.join(FURNITURE_ARCHIVES)} "
                "from Debian's package sweethome3d-furniture 1.8-1 (/usr/share/sweethome3d/furniture)"
            )
        check_digest(path)


def check_digest(path: Path) -> None:
    """Make sure that an archive with a known name is the known archive.

    Raises:
        UserError: if its bytes differ.
    """
    if path.name in FURNITURE_ARCHIVES and file_digest(path) != FURNITURE_ARCHIVES[path.name]:
        raise UserError(f"{path}: not the archive of sweethome3d-furniture 1.8-1; delete and fetch it again")


def read_properties(archive: ZipFiles) -> dict[int, dict[str, str]]:
    """The numbered entries of a furniture catalogue: {number: {key: value}}.

    A Java properties file: latin-1, with `\\uXXXX` for other characters.
    """
    text = archive.read(PROPERTIES).decode("latin-1")
    entries: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)\s*=[ \t]*(.*?)\r?$", text, flags=re.MULTILINE):
        plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), value)
        entries.setdefault(int(number), {})[key] = plain.strip()
    return entries


class Furniture(Dataset):
    """All models of a folder of furniture archives; ids are the models' paths inside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, ZipFiles] = {}

    def objects(self) -> list[ObjectRecord]:
        """All models, by archive and in the order of its catalogue."""
        return [record for record, _ in self._entries.values()]

    def load(self, object_id: str) -> trimesh.Scene:
        """A model, turned upright as its catalogue says (`modelRotation`, row-major 3 x 3)."""
        record, rotation = self._entries[object_id]
        scene = self._archive(record.source).scene(object_id)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        return scene.apply_transform(matrix)

    def digest(self, object_id: str) -> str:
        """SHA-256 of the model's OBJ file."""
        record, _ = self._entries[object_id]
        return hashlib.sha256(self._archive(record.source).read(object_id)).hexdigest()

    @cached_property
    def _entries(self) -> dict[str, tuple[ObjectRecord, np.ndarray]]:
        table = pd.read_csv(str(files("crossjepa.data").joinpath("furniture_labels.csv")), dtype=str)
        known = {row["model"]: row for row in table[["model", "class", "group"]].to_dict("records")}
        entries = {}
        for library in sorted(path.stem for path in self.folder.glob("*.sh3f")):
            for entry in read_properties(self._archive(library)).values():
                if "model" not in entry:
                    continue
                model = entry["model"].lstrip("/")
                record = ObjectRecord(
                    id=model,
                    source=library,
                    name=entry.get("name", model),
                    label=known[model]["class"] if model in known else "",
                    group=f"furniture-{known[model]['group']}" if model in known else model,
                    licence=LICENCES.get(library, "see the archive"),
                    creator=entry.get("creator", library),
                )
                rotation = entry.get("modelRotation", "1 0 0 0 1 0 0 0 1")
                entries[model] = (record, np.array(rotation.split(), dtype=float).reshape(3, 3))
        return entries

    def _archive(self, library: str) -> ZipFiles:
        if library not in self._open:
            path = self.folder / f"{library}.sh3f"
            archive = ZipFiles(path)
            check_digest(path)
            self._open[library] = archive
        return self._open[library]


def open_source(source: FurnitureSource, archives: Path | None) -> Furniture:
    """Open the furniture archives in a folder.

    Raises:
        UserError: if none lie there.
    """
    folder = archives or (Path(source.path) if source.path else None)
    if folder is None or not any(folder.glob("*.sh3f")):
        raise UserError(f"{folder}: holds no .sh3f archives; set data.furniture.path or let them be fetched")
    return Furniture(folder)
