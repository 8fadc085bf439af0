"""ShapeNetCore (Chang et al. 2015, arXiv:1512.03012), for pretraining: its meshes, and what others made of
them: clouds (Point-BERT, arXiv:2111.14819) and rendered views (3D-R2N2, see `r2n2`).

An object's id is `<synset>-<model>`, as in Point-BERT's lists. Meshes and clouds are +Y up as they are.
"""

import hashlib
import json
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import trimesh

from crossjepa.data.cloud import read_cloud
from crossjepa.data.dataset import BadMesh, Cloud, Dataset, ObjectRecord, ViewFile
from crossjepa.data.files import Files, FolderFiles, ZipFiles, open_files
from crossjepa.data.location import BY_HAND
from crossjepa.data.r2n2 import Renderings
from crossjepa.data.releases import read_lines, visible
from crossjepa.data.settings import ShapeNetSource
from crossjepa.errors import UserError

TAXONOMY = "taxonomy.json"
KEYS = ("path", "points", "views", "lists")
SYNSET = re.compile(r"\d{8}(\.zip)?")
MODEL = re.compile(r"(?:.*/)?(\d{8})/([^/]+)/(?:models/model_normalized|model)\.obj")
CLOUD = re.compile(r"(?:.*/)?(\d{8}-[^/]+)\.npy")
LIKE = ObjectRecord(
    id="", source="ShapeNetCore", name="", label="", group="", licence="see shapenet.org", creator="various"
)


class Models:
    """The meshes of v2, `<synset>/<model>/models/model_normalized.obj`, or v1, `<synset>/<model>/model.obj`.

    Args:
        path: a folder with a folder or a zip for each synset, or that holds such a folder; or one zip of all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listed: dict[Path, dict[str, tuple[Files, str]]] = {}

    def ids(self) -> list[str]:
        """All models, sorted.

        Raises:
            UserError: if there are none.
        """
        places = set(self._places.values()) if self.path.is_dir() else {self.path}
        ids = sorted(object_id for place in places for object_id in self._list(place))
        if not ids:
            raise UserError(
                f"{self.path}: holds no <synset>/<model>/models/model_normalized.obj (v2) and no "
                "<synset>/<model>/model.obj (v1); set `path` to ShapeNetCore"
            )
        return ids

    def find(self, object_id: str) -> tuple[Files, str]:
        """Where a model's OBJ file lies.

        Raises:
            BadMesh: if it is missing.
        """
        place = self._places.get(object_id.partition("-")[0]) if self.path.is_dir() else self.path
        found = self._list(place).get(object_id) if place else None
        if not found:
            raise BadMesh(f"its mesh is not in {self.path.name}")
        return found

    def taxonomy(self) -> bytes | None:
        """`taxonomy.json` from where the synsets lie, or from beside the one zip."""
        if not self.path.is_dir():
            files = ZipFiles(self.path)
            if inside := [name for name in visible(files) if PurePosixPath(name).name == TAXONOMY]:
                return files.read(inside[0])
        path = self._folder / TAXONOMY
        return path.read_bytes() if path.is_file() else None

    @cached_property
    def _folder(self) -> Path:
        """The folder that holds the synsets, or the one zip."""
        if not self.path.is_dir():
            return self.path.parent
        inside = [self.path, *sorted(child for child in self.path.iterdir() if child.is_dir())]
        return next((f for f in inside if any(SYNSET.fullmatch(c.name) for c in f.iterdir())), self.path)

    @cached_property
    def _places(self) -> dict[str, Path]:
        """Each synset's folder, or else its zip."""
        children = sorted(self._folder.iterdir(), key=lambda path: path.is_dir())
        return {child.name[:8]: child for child in children if SYNSET.fullmatch(child.name)}

    def _list(self, place: Path) -> dict[str, tuple[Files, str]]:
        if place not in self._listed:
            files: Files = FolderFiles(place.parent) if place.is_dir() else ZipFiles(place)
            names = _meshes(place) if place.is_dir() else visible(files)
            matches = [match for name in names if (match := MODEL.fullmatch(name))]
            self._listed[place] = {f"{m[1]}-{m[2]}": (files, m[0]) for m in matches}
        return self._listed[place]


class ShapeNet(Dataset):
    """ShapeNetCore as meshes or clouds, with views where they were rendered by others.

    Args:
        models: the meshes.
        points: a tree of clouds, `<synset>-<model>.npy` with (P, 3) floats.
        renderings: the views.
        lists: a folder with `train.txt` and `test.txt`, lines `<synset>-<model>.npy`.
        names: the synsets' names.
    """

    def __init__(
        self,
        models: Models | None,
        points: Files | None,
        renderings: Renderings | None,
        lists: FolderFiles | None,
        names: dict[str, str],
    ) -> None:
        self.models = models
        self.points = points
        self.renderings = renderings
        self.lists = lists
        self.names = names

    def objects(self) -> list[ObjectRecord]:
        """The objects on the lists with their split; without lists all meshes, or else clouds, to pretrain.

        Raises:
            UserError: if there are none, or a list is missing or cannot be read.
        """
        return self._objects

    def load(self, object_id: str) -> trimesh.Scene:
        """A model with its materials."""
        if self.models is None:
            return super().load(object_id)
        files, name = self.models.find(object_id)
        return files.scene(name)

    def cloud(self, object_id: str) -> Cloud | None:
        """A model's own cloud; none where meshes are to be sampled."""
        return None if self.points is None else read_cloud(self._cloud_bytes(object_id), ".npy")

    def views(self, object_id: str) -> list[ViewFile] | None:
        """A model's views; none where meshes are to be rendered."""
        synset, _, model = object_id.partition("-")
        return None if self.renderings is None else self.renderings.views(synset, model)

    def digest(self, object_id: str) -> str:
        """SHA-256 of the cloud's file, or else of the OBJ file."""
        if self.models is None or self.points is not None:
            return hashlib.sha256(self._cloud_bytes(object_id)).hexdigest()
        files, name = self.models.find(object_id)
        return hashlib.sha256(files.read(name)).hexdigest()

    @cached_property
    def _objects(self) -> list[ObjectRecord]:
        if self.lists:
            return [
                self._record(object_id, split)
                for split in ("train", "test")
                for object_id in _listed(self.lists, f"{split}.txt")
            ]
        ids = self.models.ids() if self.models else sorted(self._clouds)
        if not ids and self.points:
            raise UserError(
                f"{self.points.path}: holds no <synset>-<model>.npy; set `points` to another folder"
            )
        return [self._record(object_id, "pretrain") for object_id in ids]

    def _record(self, object_id: str, split: str) -> ObjectRecord:
        synset, _, model = object_id.partition("-")
        label = self.names.get(synset, synset)
        return replace(LIKE, id=object_id, group=object_id, name=model, label=label, split=split)

    @cached_property
    def _clouds(self) -> dict[str, str]:
        """Each cloud's file."""
        names = visible(self.points) if self.points else []
        return {match[1]: name for name in names if (match := CLOUD.fullmatch(name))}

    def _cloud_bytes(self, object_id: str) -> bytes:
        if self.points is None or object_id not in self._clouds:
            raise BadMesh(f"its cloud {object_id}.npy is missing")
        return self.points.read(self._clouds[object_id])


def _meshes(synset: Path) -> list[str]:
    """OBJ files below a synset's folder; looked for, not listed, since textures are many times as many."""
    found = [*synset.glob("*/models/model_normalized.obj"), *synset.glob("*/model.obj")]
    return [path.relative_to(synset.parent).as_posix() for path in found]


def _listed(lists: FolderFiles, name: str) -> list[str]:
    lines = read_lines(lists, name)
    if wrong := next((line for line in lines if not CLOUD.fullmatch(line)), None):
        raise UserError(f"{lists.path / name}: '{wrong}' is not <synset>-<model>.npy")
    return [PurePosixPath(line).stem for line in lines]


def _read_names(models: Models | None, points: Path | None) -> dict[str, str]:
    """The first name of each synset, from the `taxonomy.json` of the meshes, or else of the clouds."""
    found = models.taxonomy() if models else None
    if found is None and points:
        paths = (folder / TAXONOMY for folder in (points, points.parent))
        found = next((path.read_bytes() for path in paths if path.is_file()), None)
    try:
        return {entry["synsetId"]: entry["name"].split(",")[0] for entry in json.loads(found or b"[]")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        where = models.path if models else points
        raise UserError(
            f"{where}: its {TAXONOMY} is not ShapeNetCore's ({error!r}); fetch it again"
        ) from error


def open_source(source: ShapeNetSource, archives: Path | None) -> ShapeNet:
    """Open ShapeNetCore, or what was made of it.

    Classes are called by the synset's first name in the `taxonomy.json` that lies with the synsets or beside
    the zip or the clouds, and by the synset's number where there is none.

    Args:
        source: its settings.
        archives: where the meshes lie; the source's own path otherwise.

    Raises:
        UserError: if there are neither meshes nor clouds, or a folder does not exist.
    """
    places = {key: Path(value) for key in KEYS if (value := getattr(source, key))}
    if archives:
        places["path"] = archives
    for key, place in places.items():
        if not place.exists():
            raise UserError(f"{place}: no such file or folder; set data.shapenet.{key} to where it lies")
    if not {"path", "points"} & set(places):
        raise UserError(f"data: {BY_HAND['shapenet']}")
    models = Models(places["path"]) if "path" in places else None
    points = places.get("points")
    return ShapeNet(
        models,
        open_files(points) if points else None,
        Renderings(places["views"]) if "views" in places else None,
        FolderFiles(places["lists"]) if "lists" in places else None,
        _read_names(models, points),
    )
