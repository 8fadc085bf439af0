"""Objaverse 1.0 (Deitke et al. 2022, arXiv:2212.08051): real objects with colours, from Sketchfab.

Its makers keep it on the Hugging Face hub: a GLB for each object, the classes of LVIS for 46,000 of them, and
metadata with licences and creators.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crossjepa.data.collection import download_files, in_fixed_order, open_collection, write_collection
from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.file_dataset import FileDataset
from crossjepa.data.settings import ObjaverseSource
from crossjepa.errors import UserError
from crossjepa.files import printable

REPOSITORY = "allenai/objaverse"
PATHS, CLASSES = "object-paths.json.gz", "lvis-annotations.json.gz"
LICENCES = {
    "by": "CC-BY-4.0",
    "by-sa": "CC-BY-SA-4.0",
    "by-nc": "CC-BY-NC-4.0",
    "by-nc-sa": "CC-BY-NC-SA-4.0",
    "cc0": "CC0-1.0",
}


def open_source(source: ObjaverseSource) -> FileDataset:
    """Open the objects of a download. Ids are Objaverse's; objects outside of LVIS have no class.

    Raises:
        UserError: if they are not here.
    """
    return open_collection(source.path, "Objaverse")


def fetch(source: ObjaverseSource, table: Path) -> None:
    """Download objects and list them in `table`; meshes of an earlier download are kept.

    Raises:
        UserError: if something cannot be downloaded, or no object has such a licence.
    """
    folder = table.parent
    paths: dict[str, str] = _read(PATHS, folder)
    classes = {uid: label for label, uids in _read(CLASSES, folder).items() for uid in uids}
    among = classes if source.subset == "lvis" else paths
    candidates = in_fixed_order(uid for uid in among if uid in paths)
    metadata = _metadata({_part(paths[uid]) for uid in candidates}, set(candidates), folder)
    allowed = [uid for uid in candidates if uid in metadata and metadata[uid]["license"] in source.licences]
    if not allowed:
        raise UserError(
            f"data: no object of Objaverse has one of the licences {', '.join(source.licences)}; add others"
        )
    chosen = {paths[uid]: uid for uid in allowed[: source.objects]}
    there = download_files(REPOSITORY, list(chosen), folder, "fetch Objaverse")
    listed = {path: _record(chosen[path], metadata[chosen[path]], classes) for path in there}
    write_collection(table, listed)


def _read(name: str, folder: Path) -> Any:
    """A JSON file of the repository."""
    if not download_files(REPOSITORY, [name], folder, f"fetch {name}"):
        raise UserError(f"{REPOSITORY}: this data set of the hub has no {name} any more")
    try:
        return json.loads(gzip.decompress((folder / name).read_bytes()))
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{folder / name}: damaged ({error}); delete it and run again") from error


def _part(path: str) -> str:
    """The file with the metadata of the object at `glbs/<part>/<uid>.glb`."""
    return f"metadata/{path.split('/')[1]}.json.gz"


def _metadata(names: Iterable[str], wanted: set[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Name, licence and creator of the wanted objects, by id; all the rest is dropped, since it is large."""
    known = {}
    for name in download_files(REPOSITORY, sorted(names), folder, "fetch metadata"):
        for uid, each in _read(name, folder).items():
            if uid in wanted:
                known[uid] = {key: each[key] for key in ("name", "license", "user")}
    return known


def _record(uid: str, known: dict[str, Any], classes: dict[str, str]) -> ObjectRecord:
    return ObjectRecord(
        id=uid,
        source="Objaverse",
        name=printable(known["name"]),
        label=classes.get(uid, ""),
        group=uid,
        licence=LICENCES[known["license"]],
        creator=printable(f"{known['user']['displayName']} (sketchfab.com/{known['user']['username']})"),
    )
