"""The parts of the pipeline that `scale.py` measures: each gets made-up files and says what came out."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from made_up import DIM, POINT_SPECS, TARGET_SPECS, Place

from crossjepa.data.settings import DataSettings
from crossjepa.store.bundle import write_bundle
from crossjepa.store.sharded import Layout, create, write_shard

REAL = 52_000  # objects, up to which parts are measured that would take too long for more


class Clock:
    """Seconds since the start of a part, or since it said that its preparations are over."""

    def restart(self) -> None:
        """Begin to count."""
        self.began = perf_counter()


clock = Clock()


def plan(place: Place) -> str:
    """Snakemake's dry run of everything from nothing."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from clone import Clone

    chosen = [f"data={{shapes: {{objects: {place.objects}}}}}", f"store={{shards: {place.shards}}}"]
    chosen += ["pretrain={datasets: [shapes]}", "probe={datasets: [shapes]}"]
    clone = Clone(place.folder / "clone", "config/config.yaml")
    printed = clone.snakemake("--dry-run", "--quiet", "rules", "--config", *chosen)
    (jobs,) = set(re.findall(r"^total +(\d+)$", printed, re.M))
    return f"{int(jobs):,} jobs"


def listing(place: Place) -> str:
    """What each call of Snakemake asks of the user's folder, and the digest of its files."""
    from crossjepa.data.location import check_labels, check_location, content_digest, has_meshes

    check_location("some", place.source)
    check_labels("some", place.source)
    content_digest(place.source)
    return f"{place.objects:,} files" if has_meshes(place.source) else "none"


def opening(place: Place) -> str:
    """What each job that reads objects does before it reads one."""
    from crossjepa.data.registry import open_dataset
    from crossjepa.data.table import stored_ids

    stored_ids(place.meshes)
    return f"{len(open_dataset(place.source).objects()):,} objects"


def scanning(place: Place) -> str:
    """The mesh table, without reading meshes."""
    from crossjepa.data import scan
    from crossjepa.data.table import write_meshes

    found = {"sha256": "0" * 64, "faces": 9, "extent_x": 1.0, "extent_y": 1.0, "extent_z": 1.0, "up": "y"}
    scan.inspect = lambda *_: found  # in a process of its own
    table = scan.scan(place.source, DataSettings(), 1)
    output = place.folder / "scanned.parquet"
    write_meshes(table, output)
    return size_of(output)


def splitting(place: Place) -> str:
    """The catalog of a folder all of whose objects have a class."""
    from crossjepa.data.catalog import make_catalog, untestable
    from crossjepa.data.registry import open_dataset
    from crossjepa.data.table import read_meshes, write_meshes

    table = make_catalog(read_meshes(place.meshes), open_dataset(place.source).objects(), 0, 0.2)
    untestable(table, 5)
    output = place.folder / "split.parquet"
    write_meshes(table, output)
    return size_of(output)


def laying_out(place: Place) -> str:
    """Both stores, empty."""
    from crossjepa.data.table import stored_ids

    layout = Layout(len(stored_ids(place.meshes)), place.shards, 32)
    for name, specs in (("one", POINT_SPECS), ("other", TARGET_SPECS)):
        create(place.folder / name, layout, specs, {})
    return f"{place.shards * 10:,} files to come"


def writing(place: Place) -> str:
    """One shard of the point store: each is a job of its own."""
    path, layout = place.folder / "written", Layout(place.objects, place.shards, 32)
    create(path, layout, POINT_SPECS, {})
    rows = layout.positions(0)
    arrays = {
        name: np.random.default_rng(0).normal(size=(len(rows), *spec.shape)).astype(spec.dtype)
        for name, spec in POINT_SPECS.items()
    }
    write_shard(path, 0, place.ids[: len(rows)], arrays, {})
    return size_of(path)


def sealing(place: Place) -> str:
    """The point store: every file is read back."""
    from crossjepa.store.seal import seal

    return f"{len(seal(place.points, place.ids, 0.05).files):,} files"


def manifest(place: Place) -> str:
    """Which objects to train on: the catalog and both manifests."""
    from crossjepa.pretrain.examples import TRAINING, usable_rows

    usable_rows(_stores(place), TRAINING)
    return size_of(place.points / "manifest.json")


def examples(place: Place) -> str:
    """Everything that training keeps in memory, but patches."""
    from crossjepa.pretrain.examples import load_examples, load_held_out

    loaded = load_examples([_stores(place)], 1024)
    load_held_out([_stores(place)], 1024, loaded)
    return f"{len(loaded.ids):,} to train on"


def patches(place: Place) -> str:
    """The patches of all clouds, on the CPU."""
    import torch

    from crossjepa.model.sizes import SIZES
    from crossjepa.pretrain.examples import load_examples

    loaded = load_examples([_stores(place)], 1024)
    clock.restart()
    loaded.cut(SIZES["tiny"].encoder, torch.device("cpu"))
    return ""


def clouds(place: Place) -> str:
    """What feature extraction reads."""
    from crossjepa.features.extract import read_clouds

    read_clouds(place.points, "farthest:1024")
    return ""


def zipping(place: Place) -> str:
    """An encoder's features."""
    tokens = np.random.default_rng(0).normal(size=(place.objects, DIM)).astype(np.float32)
    clock.restart()
    arrays = {f"{regime}_{kind}": tokens for regime in ("canonical", "zz") for kind in ("tokens", "imagined")}
    output = place.folder / "written.zip"
    write_bundle(output, arrays, {"ids": place.ids})
    return size_of(output)


def probing(place: Place) -> str:
    """What the linear probe reads: features of six encoders, and the teacher's embeddings."""
    from crossjepa.probe.protocols import protocol
    from crossjepa.probe.systems import Reading, read_systems

    inputs = {"catalog": [place.catalog], "targets": [place.targets]}
    inputs |= {"trained": [place.features("trained")] * 3, "random": [place.features("random")] * 3}
    inputs |= {"geometry": [place.features("geometry")]}
    _, objects = read_systems(inputs, Reading(), protocol("pointjepa", "folder"))
    return f"{len(objects.ids):,} labelled"


def reporting(place: Place) -> str:
    """What the report shows of a data set: map, neighbours and turning pictures."""
    from crossjepa.report.explorer import explore
    from crossjepa.report.settings import ReportSettings

    parts = {"features": place.features("trained"), "targets": place.targets}
    shown = explore(parts, pd.read_parquet(place.catalog), {}, ReportSettings(), 1000)
    return f"{len(shown.ids):,} on the map"


def indexing(place: Place) -> str:
    """An index of search: written, read, and asked once."""
    from crossjepa.search.index import Index, read_index, write_index
    from crossjepa.search.search import similarities

    tokens = np.random.default_rng(0).normal(size=(place.objects, DIM)).astype(np.float32)
    names = [f"/data/objaverse/hf-objaverse-v1/glbs/{each}" for each in place.ids]
    clock.restart()
    write_index(Index(names, tokens, tokens, None, "", None), place.index)
    similarities(read_index(place.index).tokens, tokens[:1])
    return size_of(place.index)


def size_of(path: Path) -> str:
    """The bytes of a file, or of all files in a folder, for people."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    megabytes = sum(each.stat().st_size for each in files) / 1e6
    return f"{megabytes:,.0f} MB" if megabytes >= 1 else f"{megabytes * 1000:,.0f} kB"


def _stores(place: Place) -> Any:
    from crossjepa.pretrain.examples import Stores

    return Stores(place.catalog, place.points, place.targets)


class Part(NamedTuple):
    """A row of the table: title, what it measures, and up to how many objects it is measured."""

    title: str
    run: Callable[[Place], str]
    most: int = sys.maxsize


PARTS = {
    part.run.__name__: part
    for part in (
        Part("plan everything (dry run)", plan),
        Part("list a folder, at each call", listing),
        Part("open it, in each job", opening),
        Part("mesh table, without reading meshes", scanning),
        Part("catalog, all objects labelled", splitting),
        Part("lay out both stores", laying_out),
        Part("write a shard of points", writing),
        Part("seal the points", sealing, REAL),
        Part("choose the training objects", manifest),
        Part("load the training examples", examples, REAL),
        Part("cut patches on the CPU", patches, REAL),
        Part("load clouds for features", clouds, REAL),
        Part("write a feature zip", zipping),
        Part("read for the probe", probing),
        Part("map and neighbours of the report", reporting),
        Part("write, read and ask an index", indexing),
    )
}
