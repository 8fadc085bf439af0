"""The 820 furniture models that Debian's `sweethome3d-furniture` ships, read straight from its archives.

Classes and groups of near-duplicates come from `furniture_labels.csv`: 425 models carry one of 26 classes.
"""

import hashlib
import re
import zipfile
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh

from crossjepa.config import FurnitureSource
from crossjepa.data.archive import load_from_archive, open_archive, read_member
from crossjepa.data.dataset import ObjectRecord
from crossjepa.errors import UserError

PROPERTIES = "PluginFurnitureCatalog.properties"
ARCHIVES = {
    "BlendSwap-CC-0": "7ef093fe70cedbb160bdb532d86a84580459635e34130c16777f549eba1993dc",
    "BlendSwap-CC-BY": "29ae78937b4d5dbe93db74067817a984fa411f017b007fd666bc40368bdb0c83",
    "KatorLegaz": "f512443b5d3a6903497573095f971f44334b3165ab32182133051fa9487764a6",
    "Reallusion": "dd553207876ccec6372dde7aaea6b2dcf2d631997fcdb8a9856a639e0db9aa9b",
    "Scopia": "b4505451b1e8ab339c101c0afddfef4e1a07b95aa8c821c61ec41487afd43850",
}
LICENCES = {
    "BlendSwap-CC-0": "CC0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}


def archive_digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_archives(folder: Path) -> None:
    """Make sure that the five archives lie in `folder` and are whole.

    Raises:
        UserError: naming the first that is missing or differs.
    """
    for name in ARCHIVES:
        path = folder / f"{name}.sh3f"
        if not path.is_file():
            raise UserError(
                f"{path}: missing; data.furniture.path must hold {', '.join(f'{n}.sh3f' for n in ARCHIVES)} "
                "from Debian's package sweethome3d-furniture 1.8-1 (/usr/share/sweethome3d/furniture)"
            )
        check_digest(path)


def check_digest(path: Path) -> None:
    """Make sure that an archive with a known name is the known archive.

    Raises:
        UserError: if its bytes differ.
    """
    if path.stem in ARCHIVES and archive_digest(path) != ARCHIVES[path.stem]:
        raise UserError(f"{path}: not the archive of sweethome3d-furniture 1.8-1; delete and fetch it again")


def read_properties(archive: zipfile.ZipFile) -> dict[int, dict[str, str]]:
    """The numbered entries of a furniture catalogue: {number: {key: value}}.

    A Java properties file: latin-1, with `\\uXXXX` for other characters.
    """
    text = archive.read(PROPERTIES).decode("latin-1")
    entries: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)\s*=[ \t]*(.*?)\r?$", text, flags=re.MULTILINE):
        plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), value)
        entries.setdefault(int(number), {})[key] = plain.strip()
    return entries


class Furniture:
    """All models of a folder of furniture archives; ids are the models' paths inside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, zipfile.ZipFile] = {}

    def objects(self) -> list[ObjectRecord]:
        """All models, by archive and in the order of its catalogue."""
        return [record for record, _ in self._entries.values()]

    def load(self, object_id: str) -> trimesh.Scene:
        """A model, turned upright as its catalogue says (`modelRotation`, row-major 3 x 3)."""
        record, rotation = self._entries[object_id]
        scene = load_from_archive(self._archive(record.source), object_id)
        if scene.geometry:
            matrix = np.eye(4)
            matrix[:3, :3] = rotation
            scene.apply_transform(matrix)
        return scene

    def digest(self, object_id: str) -> str:
        """SHA-256 of the model's OBJ file."""
        record, _ = self._entries[object_id]
        return hashlib.sha256(read_member(self._archive(record.source), object_id)).hexdigest()

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

    def _archive(self, library: str) -> zipfile.ZipFile:
        if library not in self._open:
            path = self.folder / f"{library}.sh3f"
            archive = open_archive(path)
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
