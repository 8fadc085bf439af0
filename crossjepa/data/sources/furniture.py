"""The 820 furniture models of Debian's `sweethome3d-furniture`, read straight from its archives.

Classes and groups of near-duplicates come from `furniture_labels.csv`: 425 models carry one of 26 classes.
"""

import re
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.files import FileDataset, Files, ZipFiles
from crossjepa.data.location import FURNITURE_ARCHIVES
from crossjepa.data.settings import FurnitureSource
from crossjepa.errors import UserError
from crossjepa.files import sha256_file

PROPERTIES = "PluginFurnitureCatalog.properties"
LICENCES = {
    "BlendSwap-CC-0": "CC0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}


def check_archive(path: Path) -> None:
    """Check that an archive is there, and unchanged if it has the name of one of the five.

    Raises:
        UserError: if it is missing or its bytes differ.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: missing; data.furniture.path must hold {', '.join(FURNITURE_ARCHIVES)} "
            "from Debian's package sweethome3d-furniture 1.8-1 (/usr/share/sweethome3d/furniture)"
        )
    if path.name in FURNITURE_ARCHIVES and sha256_file(path) != FURNITURE_ARCHIVES[path.name]:
        raise UserError(f"{path}: not the archive of sweethome3d-furniture 1.8-1; delete and fetch it again")


class Furniture(FileDataset):
    """All models in a folder of furniture archives (`.sh3f`); ids are the models' paths inside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._archives: dict[str, ZipFiles] = {}

    def objects(self) -> list[ObjectRecord]:
        """All models, by archive and in the order of its catalogue."""
        return [record for record, _ in self._entries.values()]

    def find(self, object_id: str) -> tuple[Files, str]:
        """The archive of a model."""
        return self._archive(self._entries[object_id][0].source), object_id

    def turn(self, object_id: str) -> NDArray[np.float64]:
        """(3, 3) rotation that the catalogue gives a model (`modelRotation`, row-major)."""
        return self._entries[object_id][1]

    @cached_property
    def _entries(self) -> dict[str, tuple[ObjectRecord, NDArray[np.float64]]]:
        table = pd.read_csv(str(files("crossjepa.data").joinpath("furniture_labels.csv")), dtype=str)
        known = {row["model"]: (row["class"], f"furniture-{row['group']}") for _, row in table.iterrows()}
        entries = {}
        for library in sorted(path.stem for path in self.folder.glob("*.sh3f")):
            for entry in read_properties(self._archive(library)).values():
                if "model" not in entry:
                    continue
                model = entry["model"].lstrip("/")
                label, group = known.get(model, ("", model))
                record = ObjectRecord(
                    id=model,
                    source=library,
                    name=entry.get("name", model),
                    label=label,
                    group=group,
                    licence=LICENCES.get(library, "see the archive"),
                    creator=entry.get("creator", library),
                )
                rotation = entry.get("modelRotation", "1 0 0 0 1 0 0 0 1")
                entries[model] = (record, np.array(rotation.split(), dtype=float).reshape(3, 3))
        return entries

    def _archive(self, library: str) -> ZipFiles:
        if library not in self._archives:
            path = self.folder / f"{library}.sh3f"
            check_archive(path)
            self._archives[library] = ZipFiles(path)
        return self._archives[library]


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


def open_source(source: FurnitureSource) -> Furniture:
    """Open the furniture archives in a folder.

    Raises:
        UserError: if the folder holds none.
    """
    folder = Path(source.path) if source.path else None
    if folder is None or not any(folder.glob("*.sh3f")):
        raise UserError(f"{folder}: holds no .sh3f archives; set data.furniture.path or let them be fetched")
    return Furniture(folder)
