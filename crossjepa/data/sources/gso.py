"""Google Scanned Objects (Downs et al. 2022, arXiv:2204.11918): 1,030 scanned household items with textures.

Google keeps them on Open Robotics' server, a zip for each model, all under CC BY 4.0. +Z points up in them.
"""

import json
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from crossjepa.data.collection import in_fixed_order, open_collection, write_collection
from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.download import TIMEOUT, download
from crossjepa.data.file_dataset import FileDataset
from crossjepa.data.location import Archive
from crossjepa.data.settings import GSOSource
from crossjepa.errors import UserError
from crossjepa.files import printable, write_whole
from crossjepa.progress import track

SERVER = "https://fuel.gazebosim.org/1.0"
COLLECTION = "Scanned Objects by Google Research"
MODEL = "meshes/model.obj"
# What is unpacked of a model's zip, side by side: its materials name the texture as if it lay beside them.
MEMBERS = ("meshes/model.mtl", "materials/textures/texture.png", MODEL)


def open_source(source: GSOSource) -> FileDataset:
    """Open the models of a download. Ids are their names; most, but not all, have a class.

    Raises:
        UserError: if they are not here.
    """
    return open_collection(source.path, "Google Scanned Objects", up="z")


def fetch(source: GSOSource, table: Path) -> None:
    """Download models, unpack them and list them in `table`; those of an earlier call are kept.

    Raises:
        UserError: if the server cannot be reached, or a model's zip is damaged.
    """
    folder = table.parent
    models = {model["name"]: model for model in _list_models()}
    chosen = in_fixed_order(models)[: source.objects]
    for name in track(chosen, len(chosen), "fetch Google Scanned Objects", "object"):
        if not (folder / _path(name)).is_file():
            _fetch_model(name, folder)
    write_collection(table, {_path(name): _record(models[name]) for name in chosen})


def _list_models() -> Iterator[dict[str, Any]]:
    """The collection's models as the server describes them, on pages of 100; after the last it has none."""
    for page in count(1):
        query = urlencode({"page": page, "per_page": 100, "q": f"collections:{COLLECTION}"})
        try:
            with urllib.request.urlopen(f"{SERVER}/models?{query}", timeout=TIMEOUT) as answer:
                models = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404 and page > 1:
                return
            raise UserError(
                f"{SERVER}: the list of models cannot be read ({error}); run again later"
            ) from error
        except (OSError, HTTPException, ValueError) as error:
            raise UserError(
                f"{SERVER}: the list of models cannot be read ({error}); run again later"
            ) from error
        if not models:
            return
        yield from models


def _fetch_model(name: str, folder: Path) -> None:
    """Download a model's zip and unpack its mesh, materials and texture; the mesh comes last."""
    file = folder / f"{name}.zip"
    try:
        download(Archive(f"{SERVER}/GoogleResearch/models/{quote(name)}.zip"), file, name, quiet=True)
        with zipfile.ZipFile(file) as archive:
            for member in MEMBERS:
                with write_whole((folder / _path(name)).with_name(Path(member).name)) as partial:
                    partial.write_bytes(archive.read(member))
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file}: not a scanned object ({error}); delete it and run again") from error
    except UserError as error:
        raise UserError(f"{error}; run again to resume") from error
    file.unlink()


def _path(name: str) -> str:
    """A model's mesh in the folder of the download."""
    return f"{name}/{Path(MODEL).name}"


def _record(model: dict[str, Any]) -> ObjectRecord:
    name, classes = printable(model["name"]), model.get("categories") or [""]
    return ObjectRecord(
        name, "Google Scanned Objects", name, classes[0], name, "CC-BY-4.0", "Google Research"
    )
