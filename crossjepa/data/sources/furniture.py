"""The 820 furniture models of Debian's `sweethome3d-furniture`, read straight from its archives.

Classes and groups of near-duplicates come from `furniture_labels.csv`: 425 models carry one of 26 classes.
"""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.file_dataset import FileDataset, ObjectFile
from crossjepa.data.files import Files
from crossjepa.data.location import FURNITURE_ARCHIVES
from crossjepa.data.settings import FurnitureSource
from crossjepa.errors import UserError
from crossjepa.files import sha256_file

NEEDED = f"{', '.join(FURNITURE_ARCHIVES)} of Debian's package sweethome3d-furniture 1.8-1"
PROPERTIES = "PluginFurnitureCatalog.properties"
LICENCES = {
    "BlendSwap-CC-0": "CC0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}


def check_archive(path: Path) -> None:
    """Check that an archive exists and, if it is named like one of the five, is unchanged.

    Raises:
        UserError: if it is missing or its bytes differ.
    """
    if not path.is_file():
        raise UserError(f"{path}: missing; data.furniture.path must hold {NEEDED}")
    if path.name in FURNITURE_ARCHIVES and sha256_file(path) != FURNITURE_ARCHIVES[path.name]:
        raise UserError(f"{path}: not the archive of sweethome3d-furniture 1.8-1; delete and fetch it again")


def read_properties(archive: Files) -> dict[int, dict[str, str]]:
    """The numbered entries of a furniture catalogue: {number: {key: value}}.

    A Java properties file: latin-1, with `\\uXXXX` for other characters.
    """
    text = archive.read(PROPERTIES).decode("latin-1")
    entries: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)\s*=[ \t]*(.*?)\r?$", text, flags=re.MULTILINE):
        plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), value)
        entries.setdefault(int(number), {})[key] = plain.strip()
    return entries


def open_source(source: FurnitureSource) -> FileDataset:
    """Open the furniture archives (`.sh3f`) in a folder.

    Objects are in the order of the archives' catalogues; ids are the models' paths inside them. Models are
    turned as the catalogue says (`modelRotation`, a row-major 3 x 3 matrix).

    Raises:
        UserError: if the folder holds none, or one is damaged.
    """
    paths = sorted(Path(source.path).glob("*.sh3f"), key=lambda path: path.stem) if source.path else []
    if not paths:
        raise UserError(f"{source.path}: holds no .sh3f archives; fetch them, or set data.furniture.path")
    table = pd.read_csv(str(files("crossjepa.data").joinpath("furniture_labels.csv")), dtype=str)
    known = {row["model"]: (row["class"], f"furniture-{row['group']}") for _, row in table.iterrows()}
    records: dict[str, ObjectRecord] = {}
    places: dict[str, ObjectFile] = {}
    for path in paths:
        check_archive(path)
        archive, library = Files(path), path.stem
        for entry in (entry for entry in read_properties(archive).values() if "model" in entry):
            model = entry["model"].lstrip("/")
            label, group = known.get(model, ("", model))
            name, creator = entry.get("name", model), entry.get("creator", library)
            licence = LICENCES.get(library, "see the archive")
            records[model] = ObjectRecord(model, library, name, label, group, licence, creator)
            rotation = entry.get("modelRotation", "1 0 0 0 1 0 0 0 1")
            places[model] = ObjectFile(
                archive, model, turn=np.array(rotation.split(), dtype=float).reshape(3, 3)
            )
    return FileDataset(list(records.values()), places)
