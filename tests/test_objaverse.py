"""Objaverse: downloaded by the hub's own client, from a server with the layout of its repository."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from clone import Clone
from hub_fetch import fetch
from web_server import Hub

from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import ObjaverseSource
from crossjepa.errors import UserError

DEMO = Path(__file__).parent.parent / "crossjepa/demo"
ROOT = "datasets/allenai/objaverse/resolve/main/"
MESHES = {path.stem.encode().hex().ljust(32, "0")[:32]: path for path in sorted(DEMO.glob("*.glb"))}


def packed(value: Any) -> bytes:
    """A JSON file as the repository has them."""
    return gzip.compress(json.dumps(value).encode())


def annotation(uid: str, licence: str) -> dict[str, Any]:
    """The metadata that Sketchfab has of an object, as far as they matter, and one entry more."""
    user = {"uid": "1", "username": "ann", "displayName": "Ann B."}
    return {"uid": uid, "name": MESHES[uid].stem, "license": licence, "user": user, "viewCount": 4}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Twelve objects in two parts; those of the second may not be sold, and one has no class."""
    parts = {uid: f"000-00{number % 2}" for number, uid in enumerate(MESHES)}
    metadata: dict[str, dict[str, Any]] = {"000-000": {}, "000-001": {}}
    for uid, part in parts.items():
        metadata[part][uid] = annotation(uid, "by" if part == "000-000" else "by-nc")
    classes: dict[str, list[str]] = {}
    for uid, path in [*MESHES.items()][:-1]:
        classes.setdefault(path.stem.partition("_")[0], []).append(uid)
    files = {
        "object-paths.json.gz": packed({uid: f"glbs/{part}/{uid}.glb" for uid, part in parts.items()}),
        "lvis-annotations.json.gz": packed(classes),
        **{f"metadata/{part}.json.gz": packed(values) for part, values in metadata.items()},
        **{f"glbs/{part}/{uid}.glb": MESHES[uid].read_bytes() for uid, part in parts.items()},
    }
    hub = Hub({ROOT + name: content for name, content in files.items()})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    yield hub
    hub.close()


@pytest.mark.usefixtures("hub")
def test_objects_come_with_class_licence_and_creator(tmp_path: Path) -> None:
    done = fetch("objaverse", tmp_path / "objects.csv", licences=["by"])
    assert done.returncode == 0, done.stderr
    opened = open_dataset(ObjaverseSource(path=str(tmp_path / "objects.csv")))
    records = opened.objects()
    assert [MESHES[record.id].stem for record in sorted(records, key=lambda record: record.name)] == [
        "bottle_1", "bottle_3", "chair_2", "mug_1", "mug_3", "table_2"
    ]  # fmt: skip
    assert {record.licence for record in records} == {"CC-BY-4.0"}
    assert {record.creator for record in records} == {"Ann B. (sketchfab.com/ann)"}
    assert all(record.name.startswith(record.label + "_") for record in records)
    assert len(opened.load(records[0].id).parts) > 0


def test_more_objects_include_fewer_and_keep_what_is_there(hub: Hub, tmp_path: Path) -> None:
    every = ["by", "by-nc"]
    assert fetch("objaverse", tmp_path / "few.csv", objects=4, licences=every).returncode == 0
    few, sent = set(pd.read_csv(tmp_path / "few.csv")["id"]), len(hub.sent)
    assert fetch("objaverse", tmp_path / "all.csv", objects=99, subset="all", licences=every).returncode == 0
    table = pd.read_csv(tmp_path / "all.csv", keep_default_na=False)
    assert len(few) == 4
    assert few < set(table["id"]) == set(MESHES)
    assert sorted(table["label"])[0] == "", "an object that LVIS lacks has no class"
    assert len(hub.sent) - sent == len(MESHES) - len(few), "nothing is downloaded twice"


def test_a_download_that_fails_now_and_then_is_tried_again(hub: Hub, tmp_path: Path) -> None:
    hub.broken = 2
    assert fetch("objaverse", tmp_path / "objects.csv", licences=["by"]).returncode == 0
    assert len(pd.read_csv(tmp_path / "objects.csv")) == 6


def test_a_download_that_goes_on_failing_names_the_remedy_and_leaves_no_table(
    hub: Hub, tmp_path: Path
) -> None:
    hub.broken = 10**6
    done = fetch("objaverse", tmp_path / "objects.csv")
    assert done.returncode == 1
    assert "object-paths.json.gz could not be downloaded" in done.stderr
    assert "run again to resume" in done.stderr
    assert not (tmp_path / "objects.csv").exists()


def test_an_object_that_the_hub_lacks_is_left_out_and_told(hub: Hub, tmp_path: Path) -> None:
    (gone,) = [name for name in hub.files if name.endswith(f"{next(iter(MESHES))}.glb")]
    hub.files = {name: content for name, content in hub.files.items() if name != gone}
    done = fetch("objaverse", tmp_path / "objects.csv", licences=["by"])
    assert "has no glbs/000-000/" in done.stderr
    assert len(pd.read_csv(tmp_path / "objects.csv")) == 5


@pytest.mark.usefixtures("hub")
def test_no_object_with_such_a_licence_is_told(tmp_path: Path) -> None:
    done = fetch("objaverse", tmp_path / "objects.csv", licences=["cc0"])
    assert done.returncode == 1
    assert "no object of Objaverse has one of the licences cc0; add others" in done.stderr


def test_a_file_that_is_no_table_of_a_download_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,2\n")
    with pytest.raises(UserError, match=r"a\.csv: not the table of a download; fetch it again"):
        open_dataset(ObjaverseSource(path=str(tmp_path / "a.csv")))
    with pytest.raises(UserError, match=r"b\.csv: no such file; let it be downloaded, or set `path`"):
        open_dataset(ObjaverseSource(path=str(tmp_path / "b.csv")))


@pytest.mark.usefixtures("hub")
def test_from_the_hub_to_the_probe(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", "config/real.yaml")
    (clone.folder / "config/real.yaml").write_text(
        json.dumps(
            {
                "run": "real",
                "data": {"lvis": {"kind": "objaverse", "licences": ["by", "by-nc"]}},
                "store": {"shards": 1},
                "render": {"views": 2, "image_size": 56},
                "teacher": {"random_weights": True},
                "pretrain": {
                    "datasets": ["lvis"], "epochs": 1, "batch_size": 2, "views_per_step": 2, "points": 256
                },
                "features": {"random_encoders": 1},
                "probe": {"datasets": ["lvis"], "C": [1.0], "folds": 2, "repeats": 1, "bootstrap": 100},
            }
        )
    )  # fmt: skip
    done, told = clone.attempt("results/real/probe_lvis.json")
    assert done, told
    probed = json.loads((clone.results / "probe_lvis.json").read_text())
    assert probed["classes"] == ["bottle", "chair", "mug", "table"]
    assert len(list(clone.folder.glob("results/downloads/objaverse/objects-*.csv"))) == 1
