"""Official layouts and users' own folders, from files to a probe's JSON through the real workflow."""

import json
import shutil
from pathlib import Path

import layouts
import numpy as np
import pandas as pd
import pytest
import trimesh
import yaml
from clone import Clone

CLASSES = layouts.MODELNET40[:4]
SPLITS = {  # name -> train and test objects, where the data set has a split of its own
    "modelnet40": (12, 4),
    "resampled": (12, 4),
    "hdf5": (150, 100),  # as many as a few-shot probe needs
    "scanobjectnn_pb_t50_rs": (30, 15),
    "shapenet": (9, 3),
    "shapenet_v1": (9, 3),
    "mine": None,
    "scans": None,
}
# A kind of each: meshes, clouds, clouds and views that the data set ships, the user's own files.
PROBED = ("modelnet40", "hdf5", "shapenet_v1", "mine")
BROKEN = {
    "box/words.obj": (b"Dear reader,\n", "no faces"),
    "box/torn.glb": (b"glTF", "the GLB is cut short"),
    "ball/flat.ply": (None, "no surface area"),
    "ball/empty.stl": (b"", "the file is empty"),
    "ball/nan.obj": (b"v 0 0 0\nv 1 0 0\nv 0 nan 1\nf 1 2 3\n", "no finite coordinates"),
}


def write_own_meshes(folder: Path) -> Path:
    """GLB, PLY, STL and OBJ meshes in class folders, five broken files among them."""
    for kind, label in enumerate(("box", "pole", "cone", "ball")):
        (folder / label).mkdir(parents=True)
        for number, suffix in enumerate(("glb", "ply", "stl", "obj") * 2):
            layouts.shape(kind, number).export(folder / label / f"{number}.{suffix}")
    for name, (content, _) in BROKEN.items():
        flat = trimesh.Trimesh([[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[0, 1, 2]], process=False)
        (folder / name).write_bytes(flat.export(file_type="ply") if content is None else content)
    return folder


def write_own_scans(folder: Path) -> Path:
    """Point clouds of several formats in class folders."""
    for kind, label in enumerate(("one", "two", "three")):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            xyz, _ = layouts.surface(kind, number, 1200)
            if number % 2:
                np.save(folder / label / f"{number}.npy", xyz)
            else:
                np.savetxt(folder / label / f"{number}.xyz", xyz)
    return folder


def settings(official: Path) -> dict[str, object]:
    """Write all layouts into a folder, and the settings that name them."""
    off = layouts.write_modelnet_off(official, CLASSES, train=3, test=1)
    v2 = layouts.write_shapenet_v2(official, models=4)
    shapenet = {
        "path": str(layouts.write_shapenet_zips(v2, official / "zips")),
        "lists": str(layouts.write_shapenet_lists(official, models=4)),
    }
    prepared = {
        **shapenet,
        "kind": "shapenet",
        "path": str(layouts.write_shapenet_v1(official, models=4)),
        "points": str(layouts.write_shapenet_points(official, models=4, points=2048)),
        "views": str(layouts.write_shapenet_views(official, models=4, views=4)),
    }
    modelnet = {"kind": "modelnet", "complete": False}
    resampled = layouts.write_modelnet_resampled(official, CLASSES, train=3, test=1)
    hdf5 = layouts.write_modelnet_hdf5(official, layouts.MODELNET40[:5], train=30, test=20, points=1024)
    scans = layouts.write_scanobjectnn(official, train=2, test=1, points=1024)
    return {
        "run": "layouts",
        "data": {
            "points": 1024,
            "max_bad_fraction": 0.2,
            "modelnet40": {"path": str(layouts.zipped(off, official / "ModelNet40.zip")), "complete": False},
            "resampled": {**modelnet, "release": "resampled", "path": str(resampled)},
            "hdf5": {**modelnet, "release": "hdf5", "path": str(hdf5)},
            "scanobjectnn": {"path": str(scans), "complete": False},
            "shapenet": shapenet,
            "shapenet_v1": prepared,
            "mine": {"kind": "folder", "path": str(write_own_meshes(official / "mine"))},
            "scans": {"kind": "folder", "path": str(write_own_scans(official / "scans"))},
        },
        "store": {"shards": 1},
        "render": {"views": 2, "image_size": 56},
        "pretrain": {"datasets": ["shapenet_v1"], "epochs": 2, "batch_size": 4, "views_per_step": 2},
        "features": {"random_encoders": 1},
        "probe": {"datasets": list(PROBED), "C": [0.01, 1.0], "folds": 2, "repeats": 1, "bootstrap": 100},
        "report": {"queries": 2},
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One run that reads all layouts, and goes on to the probe of some."""
    folder = tmp_path_factory.mktemp("layouts")
    clone = Clone(folder, "layouts.yaml")
    (folder / "layouts.yaml").write_text(yaml.safe_dump(settings(folder / "official data")))
    everything = f"probe={{datasets: [{', '.join(SPLITS)}]}}"
    clone.snakemake("--until", "catalog", "points_seal", "--config", everything)
    clone.snakemake()
    return clone


def result(clone: Clone, name: str) -> dict[str, object]:
    """A data set's probe."""
    return dict(json.loads((clone.results / f"probe_{name}.json").read_text()))


@pytest.mark.parametrize("name", SPLITS)
def test_a_layout_is_read_with_its_split(finished: Clone, name: str) -> None:
    (path,) = (finished.folder / "results/data").glob(f"{name}-*/catalog.parquet")
    sides = pd.read_parquet(path)["split"].value_counts()
    assert SPLITS[name] in (None, (sides["train"], sides["test"]))
    (manifest,) = (finished.folder / "results/points").glob(f"{name}-*/manifest.json")
    assert json.loads(manifest.read_text())["set_aside"] == {}


@pytest.mark.parametrize("name", PROBED)
def test_a_layout_ends_in_a_probe(finished: Clone, name: str) -> None:
    found = result(finished, name)
    if SPLITS[name] is not None:
        assert (found["n_train"], found["n_test"]) == SPLITS[name]
        assert found["cross_validation"] is None, "the official split is kept"
    assert (found["baselines"]["teacher_views"] is None) == (name == "hdf5")
    assert found["pretraining"]["same_dataset"] == (name == "shapenet_v1")
    assert found["pretraining"]["saw_test_objects"] == 0
    if not name.startswith("shapenet"):
        assert found["pretraining"]["saw_objects"] == 0


def test_classes_are_those_of_the_release(finished: Clone) -> None:
    assert result(finished, "modelnet40")["classes"] == list(CLASSES)


def test_shared_meshes_are_counted(finished: Clone) -> None:
    assert result(finished, "shapenet_v1")["pretraining"]["saw_objects"] == 9


def test_broken_files_are_set_aside_with_reasons(finished: Clone) -> None:
    (path,) = (finished.folder / "results/data").glob("mine-*/meshes.parquet")
    status = pd.read_parquet(path).set_index("id")["status"]
    aside = status[status != "ok"]
    assert set(aside.index) == set(BROKEN)
    for name, (_, reason) in BROKEN.items():
        assert reason in aside[name]
    (log,) = (finished.folder / "results/logs/data").glob("mine-*/scan.log")
    assert "set aside: box/words.obj: no faces" in log.read_text()


def test_nothing_is_left_to_do_and_an_edited_file_is_noticed(finished: Clone) -> None:
    assert finished.planned() == {}
    mine = finished.folder / "official data" / "mine"
    shutil.copy(mine / "box" / "0.glb", mine / "box" / "9.glb")
    try:
        assert finished.planned()["scan"] == 1
    finally:
        (mine / "box" / "9.glb").unlink()
    assert finished.planned() == {}


def test_few_shot_and_label_efficiency(finished: Clone) -> None:
    wanted = ["fewshot_hdf5.json", "label_efficiency_hdf5.json", "label_efficiency_hdf5.png"]
    finished.snakemake(*[f"results/layouts/{name}" for name in wanted])
    assert all((finished.results / name).is_file() for name in wanted)


def test_the_summary_marks_what_is_published(finished: Clone) -> None:
    text = (finished.results / "summary.md").read_text()
    assert "## modelnet40\n\nNot the official split." in text
    assert "run here" in text


def test_the_papers_preset_plans_its_whole_run(tmp_path: Path) -> None:
    clone = Clone(tmp_path, "config/paper.yaml")
    data = tmp_path / "data"
    layouts.write_shapenet_v2(data)
    layouts.write_shapenet_points(data / "ShapeNet55", points=16)
    layouts.write_shapenet_lists(data / "ShapeNet55")
    layouts.write_modelnet_resampled(data, CLASSES, train=1, test=1, points=16)
    layouts.write_scanobjectnn(data / "ScanObjectNN", points=16)
    planned = clone.planned()
    assert planned["render"] == planned["teacher"] == 128
    assert planned["points"] == 5 * 128
    assert planned["pretrain"] == 3
    assert planned["probe"] == 4
    assert planned["teacher_weights"] == planned["report"] == 1


def test_the_objaverse_preset_plans_its_downloads(tmp_path: Path) -> None:
    clone = Clone(tmp_path, "config/objaverse.yaml")
    layouts.write_scanobjectnn(tmp_path / "data/ScanObjectNN", points=16)
    planned = clone.planned()
    assert planned["fetch"] == 2
    assert planned["render"] == planned["teacher"] == 2 * 50, "the teacher is a baseline on ModelNet40"
    assert (planned["pretrain"], planned["probe"]) == (3, 5)


def test_the_modelnet_preset_plans_its_download(tmp_path: Path) -> None:
    planned = Clone(tmp_path, "config/modelnet40.yaml").planned()
    assert planned["fetch"] == planned["probe"] == 1
    assert planned["render"] == planned["teacher"] == 32
