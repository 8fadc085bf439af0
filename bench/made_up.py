"""Made-up files of many objects, with 8 views and 8192 points each, for `scale.py`.

The shards of a store are links to the same file, so a large store needs little disk; each is still read,
hashed and decoded as if it were another.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crossjepa.data.settings import FolderSource
from crossjepa.files import sha256_file, write_json
from crossjepa.store.bundle import write_bundle
from crossjepa.store.sharded import IDENTITY, ArraySpec, Layout, Manifest, create, shard_file, write_shard

IN_A_SHARD = 400  # objects
CLASSES = 160
LABELLED = 52_000  # objects with a class, at most
WIDTH, VIEWS, POINTS, DIM = 384, 8, 8192, 384
POINT_SPECS = {"xyz": ArraySpec((POINTS, 3), "float32"), "first": ArraySpec((2048, 3), "float32")}
TARGET_SPECS = {
    "embedding": ArraySpec((VIEWS, WIDTH), "float16"),
    "pose": ArraySpec((VIEWS, 6), "float32"),
    "colour": ArraySpec((VIEWS, 24), "float32"),
    "thumbnails": ArraySpec((VIEWS, 96, 96, 3), "uint8"),
}


class Place:
    """Where the made-up files of some number of objects lie."""

    def __init__(self, folder: Path, objects: int) -> None:
        self.folder, self.objects = folder / str(objects), objects
        self.meshes, self.catalog = self.folder / "meshes.parquet", self.folder / "catalog.parquet"
        self.points, self.targets = self.folder / "points", self.folder / "targets"
        self.files, self.index = self.folder / "files", self.folder / "some.index"

    @property
    def ids(self) -> list[str]:
        """Paths in a folder, as Objaverse has them."""
        names = (f"000-{number % CLASSES:03d}/{number:032x}.glb" for number in range(self.objects))
        return sorted(names)

    @property
    def shards(self) -> int:
        """A sensible number for as many objects."""
        return max(8, -(-self.objects // IN_A_SHARD))

    @property
    def source(self) -> FolderSource:
        """The folder as a data set."""
        return FolderSource(path=str(self.files))

    def features(self, name: str) -> Path:
        """The feature zip of an encoder."""
        return self.folder / f"{name}.zip"


def make(place: Place) -> None:
    """Make everything that the measured parts read."""
    ids, rng = place.ids, np.random.default_rng(0)
    for name in {os.path.dirname(each) for each in ids}:
        (place.files / name).mkdir(parents=True)
    for each in ids:
        os.close(os.open(place.files / each, os.O_CREAT))
    table = pd.DataFrame({"id": ids, "source": "files", "name": ids, "licence": "CC0", "creator": "someone"})
    table["sha256"] = [f"{number * 2**230 // 7:064x}" for number in range(len(ids))]
    table = table.assign(faces=9, points=0, extent_x=1.0, extent_y=1.0, extent_z=1.0, up="y", warnings="")
    table["status"] = "ok"
    table.to_parquet(place.meshes)
    known = np.arange(len(ids)) < LABELLED
    table["class"] = np.where(known, table["id"].str[:7], "")
    table["group"], table["split_given"] = ids, False
    side = np.where(rng.random(len(ids)) < 0.2, "test", "train")
    table["split"] = np.where(known, side, "pretrain")
    table.to_parquet(place.catalog)
    made = {"source": {"kind": "folder", "up": "y"}, "settings": {"points": POINTS}}
    _make_store(place.points, place, POINT_SPECS, made)
    _make_store(place.targets, place, TARGET_SPECS, made)
    _make_features(place, rng)


def _make_store(path: Path, place: Place, specs: dict[str, ArraySpec], attributes: dict[str, Any]) -> None:
    """A sealed store whose shards are links to the first; only the marks of the objects differ."""
    ids, rng, layout = place.ids, np.random.default_rng(0), Layout(place.objects, place.shards, 32)
    marks = path.with_name(f"{path.name}_marks")
    create(path, layout, specs, attributes)
    create(marks, layout, {}, {})
    first = layout.positions(0)
    arrays = {
        name: (
            rng.normal(size=(len(first), *spec.shape))
            if spec.dtype != "uint8"
            else np.zeros((len(first), *spec.shape))
        ).astype(spec.dtype)
        for name, spec in specs.items()
    }
    write_shard(path, 0, [ids[row] for row in first], arrays, {})
    files = {}
    for shard in range(layout.shards):
        write_shard(marks, shard, [ids[row] for row in layout.positions(shard)], {}, {})
        for name, axes in [*((name, len(spec.shape) + 1) for name, spec in specs.items()), (IDENTITY, 2)]:
            file = shard_file(path, name, shard, axes)
            file.parent.mkdir(parents=True, exist_ok=True)
            if name == IDENTITY:
                shutil.copy(shard_file(marks, name, shard, axes), file)
            elif shard:
                os.link(shard_file(path, name, 0, axes), file)
            same = files.get(str(shard_file(path, name, 0, axes).relative_to(path)))
            files[str(file.relative_to(path))] = same if same and name != IDENTITY else sha256_file(file)
        write_json(path / "set_aside" / f"{shard}.json", {})
    shapes = {name: {"shape": list(spec.shape), "dtype": spec.dtype} for name, spec in specs.items()}
    manifest = Manifest(
        layout=layout, attributes=attributes, arrays=shapes, ids=ids, set_aside={}, files=files
    )
    write_json(path / "manifest.json", manifest.model_dump())


def _make_features(place: Place, rng: np.random.Generator) -> None:
    """The features of three encoders; rows repeat, so that the zips are small."""
    some = rng.normal(size=(1000, DIM)).astype(np.float32)
    tokens = np.resize(some, (place.objects, DIM))
    for name in ("trained", "random", "geometry"):
        kinds = ("tokens", "imagined") if name == "trained" else ("tokens",)
        arrays = {f"{regime}_{kind}": tokens for regime in ("canonical", "zz", "partial") for kind in kinds}
        encoder: dict[str, Any] = {} if name == "geometry" else {"seed": 0, "parameters": 1, "config": {}}
        write_bundle(place.features(name), arrays, {"ids": place.ids, "encoder": encoder, "pretraining": {}})
