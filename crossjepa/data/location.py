"""Where data sets lie: names of downloads, digests of folders, and checks before the workflow starts.

Needs neither trimesh nor pandas, since the workflow imports it in the user's own environment.
"""

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from crossjepa.data.listing import list_folder
from crossjepa.data.settings import AnySource
from crossjepa.errors import UserError
from crossjepa.files import sha256_file


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        url: where it is downloaded from.
        digest: its digest as `<algorithm>:<hex>`, or None if nobody published one.
    """

    url: str
    digest: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(self.url).name


FURNITURE_ARCHIVES = {  # SHA-256 of each
    "BlendSwap-CC-0.sh3f": "7ef093fe70cedbb160bdb532d86a84580459635e34130c16777f549eba1993dc",
    "BlendSwap-CC-BY.sh3f": "29ae78937b4d5dbe93db74067817a984fa411f017b007fd666bc40368bdb0c83",
    "KatorLegaz.sh3f": "f512443b5d3a6903497573095f971f44334b3165ab32182133051fa9487764a6",
    "Reallusion.sh3f": "dd553207876ccec6372dde7aaea6b2dcf2d631997fcdb8a9856a639e0db9aa9b",
    "Scopia.sh3f": "b4505451b1e8ab339c101c0afddfef4e1a07b95aa8c821c61ec41487afd43850",
}
# Debian packs the makers' models anew, with the times of its build: no other build, such as Ubuntu's, and no
# archive of the makers has the same bytes. Both servers have the same package; the second keeps it for good.
FURNITURE_PACKAGES = tuple(
    Archive(
        f"https://{server}/pool/main/s/sweethome3d-furniture/sweethome3d-furniture_1.8-1_all.deb",
        "sha256:3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668",
    )
    for server in ("deb.debian.org/debian", "snapshot.debian.org/archive/debian/20230612T000000Z")
)
# The publishers state no digests: independent projects, such as FluxML/Flux3D.jl for the meshes, check these.
# The server of the resampled points has refused connections for a long time; the HDF5 files
# come from a copy.
_SHA256_40 = "sha256:42dc3e656932e387f554e25a4eb2cc0e1a1bd3ab54606e2a9eae444c60e536ac"
_SHA256_10 = "sha256:9d8679435fc07d1d26f13009878db164a7aa8ea5e7ea3c8880e42794b7307d51"
_RESAMPLED = Archive("https://shapenet.cs.stanford.edu/media/modelnet40_normal_resampled.zip")
_COPY = "https://huggingface.co/datasets/Msun/modelnet40/resolve/main/modelnet40_ply_hdf5_2048.zip"
MODELNET_ARCHIVES = {
    ("meshes", 40): Archive("http://modelnet.cs.princeton.edu/ModelNet40.zip", _SHA256_40),
    ("meshes", 10): Archive(
        "http://3dvision.princeton.edu/projects/2014/3DShapeNets/ModelNet10.zip", _SHA256_10
    ),
    ("resampled", 40): _RESAMPLED,
    ("resampled", 10): _RESAMPLED,
    ("hdf5", 40): Archive(_COPY, "md5:c9ab8e6dfb16f67afdab25e155c79e59"),
}
COLLECTIONS = (
    "gso",
    "objaverse",
    "thingi10k",
)  # kinds that are downloaded object by object, and listed in a table
BY_HAND = {  # how to get data sets that need a login, by kind
    "scanobjectnn": "ScanObjectNN cannot be downloaded without a licence form; fill it in at "
    "https://hkust-vgd.github.io/scanobjectnn/ and set data.scanobjectnn.path to its h5_files",
    "shapenet": "ShapeNet cannot be downloaded without an account; get ShapeNetCore from "
    "https://shapenet.org and set data.shapenet.path to it, or data.shapenet.points to the ShapeNet55 "
    "clouds of https://github.com/Julie-tang00/Point-BERT",
}


def outline_digest(places: Iterable[Path]) -> str:
    """A digest of the names directly in folders, of the content of lists (`.txt`) there, and of files' sizes.

    For archives and releases that are too large to list completely each time.
    """
    digest = hashlib.sha256()
    for place in places:
        if place.is_dir():
            names = sorted(path.name for path in place.iterdir())
            lists = [sha256_file(place / name) for name in names if name.endswith(".txt")]
            digest.update("\n".join([*names, *lists]).encode() + b"\0")
        else:
            digest.update(f"{place.stat().st_size}\0".encode())
    return digest.hexdigest()


def release_settings(source: AnySource) -> dict[str, Any]:
    """The keys of a data set's entry that decide what is downloaded."""
    return source.model_dump(mode="json", exclude={"path", "complete"})


def release_digest(source: AnySource) -> str:
    """A digest of what is downloaded."""
    return hashlib.sha256(json.dumps(release_settings(source), sort_keys=True).encode()).hexdigest()


def downloads(source: AnySource) -> list[str]:
    """Names of the files to download for a data set; empty if it needs a login or no files."""
    if source.kind == "furniture":
        return list(FURNITURE_ARCHIVES)
    if source.kind == "modelnet":
        return [MODELNET_ARCHIVES[source.release, source.categories].name]
    if source.kind in COLLECTIONS:
        return [f"objects-{release_digest(source)[:10]}.csv"]
    return []


def places(source: AnySource) -> dict[str, Path]:
    """The files and folders that a data set's entry names, by key."""
    keys = ("path", "labels", "points", "views", "lists")
    return {key: Path(place) for key in keys if isinstance(place := getattr(source, key, None), str)}


def check_location(name: str, source: AnySource) -> None:
    """Check that all files and folders that a data set's entry names exist.

    Args:
        name: the data set's name, for the message.
        source: its entry under `data`.

    Raises:
        UserError: naming each key and place, or how to get the data set.
    """
    missing = [f"data.{name}.{key}: {place}" for key, place in places(source).items() if not place.exists()]
    if missing:
        raise UserError(f"{'; '.join(missing)}: no such file or folder")
    if source.kind == "folder":
        list_folder(Path(source.path))
    if source.kind in BY_HAND and not {"path", "points"} & set(places(source)):
        raise UserError(f"data.{name}: {BY_HAND[source.kind]}")


def check_labels(name: str, source: AnySource) -> None:
    """Check that a folder has at least two classes to probe.

    Args:
        name: the data set's name, for the message.
        source: its entry under `data`.

    Raises:
        UserError: if it has fewer.
    """
    if source.kind != "folder":
        return
    if source.labels:
        with Path(source.labels).open(newline="", encoding="utf-8-sig", errors="replace") as file:
            classes = {row.get("class") or "" for row in csv.DictReader(file)}
    else:
        names = list_folder(Path(source.path)).names
        classes = {name.partition("/")[0] for name in names if "/" in name}
    if (number := len(classes - {""})) < 2:
        raise UserError(
            f"data.{name}: {source.labels or source.path} has {number} classes, and a probe needs two; sort "
            f"the files into a folder for each class, name a CSV with a column `class` in data.{name}.labels "
            f"(commas between its columns), or leave '{name}' out of probe.datasets, which may be empty"
        )


def content_digest(source: AnySource) -> str:
    """A digest of the files and folders that a data set's entry names.

    It notices an added, removed or edited object in the user's folder. Releases are too large to list
    completely: there it notices an edited list, and files and folders added at the top.
    """
    if source.kind != "folder":
        return outline_digest(places(source).values())
    labels = sha256_file(Path(source.labels)) if source.labels else ""
    return hashlib.sha256(f"{list_folder(Path(source.path)).digest()} {labels}".encode()).hexdigest()


def listed(source: AnySource) -> int:
    """How many objects of a folder each job that reads one lists; 0 for other kinds of data sets, which are
    smaller than some folders.
    """
    return len(list_folder(Path(source.path)).names) if source.kind == "folder" else 0


def has_meshes(source: AnySource) -> bool:
    """Whether a data set has surfaces to render."""
    if source.kind == "folder":
        return list_folder(Path(source.path)).has_meshes
    if source.kind == "modelnet":
        return source.release == "meshes"
    if source.kind == "shapenet":
        return source.path is not None
    return source.kind != "scanobjectnn"


def has_views(source: AnySource) -> bool:
    """Whether there are views for the teacher: rendered from meshes, or shipped with the data set."""
    return has_meshes(source) or (source.kind == "shapenet" and source.views is not None)
