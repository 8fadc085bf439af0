"""ShapeNetCore (Chang et al. 2015, arXiv:1512.03012), for pretraining: its meshes, and clouds (Point-BERT,
arXiv:2111.14819) and rendered views (3D-R2N2, see `r2n2`) that others made from them.

An object's id is `<synset>-<model>`, as in Point-BERT's lists. Meshes and clouds are +Y up in their files.
"""

import json
import re
from functools import cached_property
from pathlib import Path, PurePosixPath

from crossjepa.data.dataset import ObjectRecord, ViewFile
from crossjepa.data.file_dataset import FileDataset, ObjectFile
from crossjepa.data.files import Files
from crossjepa.data.location import BY_HAND, places
from crossjepa.data.r2n2 import Renderings
from crossjepa.data.settings import ShapeNetSource
from crossjepa.errors import BadMesh, UserError
from crossjepa.mesh.mesh import Mesh

TAXONOMY = "taxonomy.json"
SYNSET = re.compile(r"\d{8}(\.zip)?")
MODEL = re.compile(r"(?:.*/)?(\d{8})/([^/]+)/(?:models/model_normalized|model)\.obj")
CLOUD = re.compile(r"(?:.*/)?(\d{8}-[^/]+)\.npy")


class Models:
    """The meshes of v2, `<synset>/<model>/models/model_normalized.obj`, or v1, `<synset>/<model>/model.obj`.

    Args:
        path: a folder with a folder or a zip for each synset, or its parent; or one zip of everything.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listed: dict[Path, dict[str, ObjectFile]] = {}

    def ids(self) -> list[str]:
        """All models, sorted.

        Raises:
            UserError: if there are none.
        """
        ids = sorted(object_id for part in set(self._parts.values()) for object_id in self._list(part))
        if not ids:
            v2, v1 = "<synset>/<model>/models/model_normalized.obj", "<synset>/<model>/model.obj"
            raise UserError(f"{self.path}: holds no {v2} (v2) or {v1} (v1); set `path` to ShapeNetCore")
        return ids

    def find(self, object_id: str) -> ObjectFile:
        """A model's OBJ file.

        Raises:
            BadMesh: if it is missing.
        """
        part = self._parts.get(object_id.partition("-")[0])
        if part is None or object_id not in self._list(part):
            raise BadMesh(f"its mesh is not in {self.path.name}")
        return self._list(part)[object_id]

    @cached_property
    def _parts(self) -> dict[str, Path]:
        """Each synset's folder, or else its zip, or else the one zip of everything."""
        if self.path.is_file():
            return {object_id.partition("-")[0]: self.path for object_id in self._list(self.path)}
        folders = [self.path, *sorted(child for child in self.path.iterdir() if child.is_dir())]
        parts = ([child for child in folder.iterdir() if SYNSET.fullmatch(child.name)] for folder in folders)
        synsets = next(filter(None, parts), [])
        return {child.name[:8]: child for child in sorted(synsets, key=Path.is_dir)}

    def _list(self, part: Path) -> dict[str, ObjectFile]:
        """The OBJ file of each model in a folder or zip; a folder's many textures are not listed."""
        if part not in self._listed:
            files = Files(part.parent if part.is_dir() else part)
            names = (
                files.names
                if part.is_file()
                else [
                    path.relative_to(part.parent).as_posix()
                    for path in (*part.glob("*/models/model_normalized.obj"), *part.glob("*/model.obj"))
                ]
            )
            matches = [match for name in names if (match := MODEL.fullmatch(name))]
            self._listed[part] = {f"{m[1]}-{m[2]}": ObjectFile(files, m[0]) for m in matches}
        return self._listed[part]


class ShapeNet(FileDataset):
    """ShapeNetCore as meshes or clouds, perhaps with rendered views.

    Raises:
        UserError: if there are neither meshes nor clouds, or a file or folder does not exist.
    """

    def __init__(self, source: ShapeNetSource) -> None:
        given = places(source)
        for key, place in given.items():
            if not place.exists():
                raise UserError(f"{place}: no such file or folder; set data.shapenet.{key} to where it lies")
        if not {"path", "points"} & set(given):
            raise UserError(f"data: {BY_HAND['shapenet']}")
        self.models = Models(given["path"]) if source.path else None
        self.points = Files(given["points"]) if source.points else None
        self.renderings = Renderings(given["views"]) if source.views else None
        self.lists = Files(given["lists"]) if source.lists else None
        self.has_clouds = self.points is not None
        self._classes = _read_taxonomy([given[key] for key in ("path", "points") if key in given])

    def objects(self) -> list[ObjectRecord]:
        """The objects on the lists with their split; without lists all meshes, or else all clouds.

        Raises:
            UserError: if there are none, or a list is missing or cannot be read.
        """
        if self.lists:
            listed = {split: _read_list(self.lists, f"{split}.txt") for split in ("train", "test")}
            return [self._record(object_id, split) for split, ids in listed.items() for object_id in ids]
        ids = self.models.ids() if self.models else sorted(self._clouds)
        if not ids and self.points:
            raise UserError(f"{self.points.path}: holds no <synset>-<model>.npy; set `points` to them")
        return [self._record(object_id, "pretrain") for object_id in ids]

    def find(self, object_id: str) -> ObjectFile:
        """The file of an object's cloud if the data set has clouds, else its OBJ file."""
        if self.points is None:
            assert self.models is not None
            return self.models.find(object_id)
        if object_id not in self._clouds:
            raise BadMesh(f"its cloud {object_id}.npy is missing")
        return ObjectFile(self.points, self._clouds[object_id])

    def load(self, object_id: str) -> Mesh:
        """A model's mesh with its base colours; a model may have both a mesh and a cloud."""
        if self.models is None:
            return super().load(object_id)
        file = self.models.find(object_id)
        return file.files.mesh(file.name)

    def views(self, object_id: str) -> list[ViewFile] | None:
        """A model's views, or None if meshes are to be rendered."""
        synset, _, model = object_id.partition("-")
        return self.renderings.views(synset, model) if self.renderings else None

    def _record(self, object_id: str, split: str) -> ObjectRecord:
        synset, _, model = object_id.partition("-")
        label = self._classes.get(synset, synset)
        return ObjectRecord(
            object_id, "ShapeNetCore", model, label, object_id, "see shapenet.org", "various", split
        )

    @cached_property
    def _clouds(self) -> dict[str, str]:
        """Each cloud's file."""
        names = self.points.names if self.points else []
        return {match[1]: name for name in names if (match := CLOUD.fullmatch(name))}


def _read_list(lists: Files, name: str) -> list[str]:
    lines = lists.lines(name)
    if wrong := next((line for line in lines if not CLOUD.fullmatch(line)), None):
        raise UserError(f"{lists.path / name}: '{wrong}' is not <synset>-<model>.npy")
    return [PurePosixPath(line).stem for line in lines]


def _read_taxonomy(places: list[Path]) -> dict[str, str]:
    """The first name of each synset, from the `taxonomy.json` in or beside the first place that has one."""
    for place in places:
        files = Files(place) if place.is_file() else None
        inside = [name for name in files.names if PurePosixPath(name).name == TAXONOMY] if files else []
        beside = [place / TAXONOMY, *sorted(place.glob(f"*/{TAXONOMY}")), place.parent / TAXONOMY]
        found = [path for path in beside if path.is_file()]
        if not inside and not found:
            continue
        try:
            entries = json.loads(files.read(inside[0]) if files and inside else found[0].read_bytes())
            return {entry["synsetId"]: entry["name"].split(",")[0] for entry in entries}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{place}: its {TAXONOMY} is not ShapeNetCore's ({error!r})") from error
    return {}


def open_source(source: ShapeNetSource) -> ShapeNet:
    """Open ShapeNetCore, or what was made from it.

    Classes are named by the synset's first name in `taxonomy.json`, or by the synset's number without one.

    Raises:
        UserError: if there are neither meshes nor clouds, or a file or folder does not exist.
    """
    return ShapeNet(source)
