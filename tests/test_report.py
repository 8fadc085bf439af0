"""The report: one file, everything in it, and a real browser shows it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from crossjepa.report.command import app
from PIL import Image
from typer.testing import CliRunner

from crossjepa.errors import UserError
from crossjepa.report.neighbours import nearest, spread_over_classes
from crossjepa.report.settings import ReportSettings
from crossjepa.store import sharded
from crossjepa.store.bundle import write_bundle
from crossjepa.store.seal import seal

CLASSES = ["chair", "lamp", "<mug>"]
IDS = [f"object {i}" for i in range(30)]
BROWSER = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def accuracy(mean: float) -> dict[str, Any]:
    return {"mean": mean, "sd": None, "ci95": [mean - 5, mean + 5]}


def result() -> dict[str, Any]:
    both = {"canonical": accuracy(70.0), "zz": accuracy(60.5)}
    gain = {"mean": 5.0, "ci95": [1.0, 9.0]}
    baselines = {name: both for name in ("random_encoder", "geometry", "majority")}
    baselines["teacher_views"] = {"canonical": accuracy(72.25), "zz": None}
    scores = {
        "accuracy": both,
        "other_features": {"imagined": both, "tokens_and_imagined": both},
        "baselines": baselines,
        "gain_over_random": {"canonical": gain, "zz": gain},
    }
    others = {"encoder": {"canonical": accuracy(64.5), "zz": accuracy(51.0)}, "random_encoder": both}
    single = {"n_train": 5, "n_test": 3, "canonical": 66.0, "zz": None}
    return {
        "dataset": "made-up",
        "data": {"kind": "folder", "up": "y", "units": "m"},
        "protocol": "pointjepa",
        "protocol_source": "a paper",
        "n_train": 15,
        "n_test": 9,
        "n_classes": 3,
        "n_left_out": 0,
        "copies_in_train": 2,
        "classes": CLASSES,
        "seeds": [0],
        "per_seed": {"canonical": [70.0], "zz": [60.5]},
        "per_class": {name: single for name in CLASSES},
        "confusion": [[3, 0, 0], [1, 2, 0], [0, 0, 3]],
        "C_choice": "cross-validation",
        "chosen_C": {"canonical": [0.1], "zz": [1.0]},
        **scores,
        "other_classifiers": {name: others for name in ("logistic_regression", "knn")},
        "cross_validation": {
            "folds": 5,
            "repeats": 1,
            "n_objects": 24,
            "n_seen": 15,
            "saw_test_objects": "partly",
            **scores,
        },
        "encoder": {"parameters": 1942144, "config": {"dim": 192}},
        "pretraining": {
            "datasets": ["made-up"],
            "objects": 21,
            "epochs": 4,
            "same_dataset": True,
            "saw_objects": 15,
            "saw_test_objects": 0,
        },
        "provenance": {
            "git": None,
            "config_hash": "0" * 64,
            "stores": {"points": "1" * 64, "targets": "2" * 64},
            "packages": {"numpy": "2"},
            "device": "cpu",
            "seconds": {"teacher": 12.5},
        },
    }


def prepare(folder: Path) -> None:
    """Write all that a page needs, of 30 objects and one broken mesh."""
    rng = np.random.default_rng(0)
    labels = [CLASSES[i % 3] for i in range(24)] + [""] * 6
    splits = ["train"] * 15 + ["test"] * 9 + ["pretrain"] * 6
    columns = {
        "id": IDS,
        "class": labels,
        "split": splits,
        "status": "ok",
        "licence": "CC0",
        "creator": "Ann",
    }
    catalog = pd.DataFrame({**columns, "source": "procedural"})
    broken = pd.DataFrame([{**catalog.iloc[0], "id": "broken mesh", "split": "", "status": "zero area"}])
    pd.concat([catalog, broken]).to_parquet(folder / "catalog.parquet")
    features = rng.normal(size=(30, 12)).astype("float32")
    write_bundle(folder / "features.zip", {"canonical_tokens": features, "zz_tokens": features}, {"ids": IDS})
    store = folder / "targets"
    sharded.create(
        store, sharded.Layout(30, 1, 32), {"thumbnail": sharded.ArraySpec((96, 96, 3), "uint8")}, {}
    )
    pictures = rng.integers(0, 255, size=(30, 96, 96, 3)).astype("uint8")
    sharded.write_shard(store, 0, IDS, {"thumbnail": pictures}, {"object 29": "no renderer liked it"})
    seal(store, IDS, max_bad_fraction=0.1)
    Image.new("RGB", (2000, 500), "teal").save(folder / "sheet.png")
    record = {"loss": 0.4, "effective_rank": 30.0, "feature_spread": 0.2, "objects_per_second": 50.0}
    lines = [json.dumps({"step": step, **record}) for step in (10, 20, 30)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "config.yaml").write_text("run: ''\n")


def write_page(folder: Path, values: dict[str, Any], *pairs: str) -> str:
    """The page that the command writes about one data set."""
    (folder / "probe.json").write_text(json.dumps(values))
    files = {
        "result": "probe.json",
        "features": "features.zip",
        "catalog": "catalog.parquet",
        "metrics": "metrics.jsonl",
        "run-config": "config.yaml",
        "output": "out/report.html",
    }
    options = [part for key, name in files.items() for part in (f"--{key}", str(folder / name))]
    settings = ReportSettings().model_dump_json()
    outcome = CliRunner().invoke(
        app, ["html", "--settings", settings, *options, *pairs], catch_exceptions=False
    )
    assert outcome.exit_code == 0, outcome.output
    return (folder / "out/report.html").read_text()


@pytest.fixture
def page(tmp_path: Path) -> str:
    prepare(tmp_path)
    pairs = ["--targets", f"made-up={tmp_path / 'targets'}", "--sheet", f"made-up={tmp_path / 'sheet.png'}"]
    return write_page(tmp_path, result(), *pairs)


def test_the_page_stands_alone_and_says_everything(page: str) -> None:
    assert 'src="http' not in page
    assert 'href="http' not in page
    for said in (
        "+5.0",
        "+1.0 to +9.0",
        "70.0",
        "60.5",
        "72.2",
        "random weights",
        "made by code",
        "zero area",
        "no renderer liked it",
        "Ann",
        "64.5",
        "nearest neighbours by cosine",
        "2 test objects have an identical file",
        "5 grouped folds",
        'class="card query"',
    ):
        assert said in page, said
    assert "<mug>" not in page, "names must be escaped"
    assert len(page) < 5_000_000


def test_point_clouds_with_a_split_of_their_own_have_neither_pictures_nor_folds_nor_teacher(
    tmp_path: Path,
) -> None:
    prepare(tmp_path)
    clouds = result() | {"cross_validation": None}
    clouds["baselines"] = clouds["baselines"] | {"teacher_views": None}
    page = write_page(tmp_path, clouds)
    for absent in ("teacher, mean of views", "grouped folds", 'class="card query"', "no renderer liked it"):
        assert absent not in page, absent
    for said in ("No contact sheet", "No pictures of neighbours", "70.0", "+5.0", "zero area"):
        assert said in page, said


@pytest.mark.parametrize(
    ("pair", "said"),
    [("sheet.png", "--sheet sheet.png: must be DATASET=PATH"), ("cars=x", "'cars' has no --result")],
)
def test_a_sheet_of_no_data_set_is_told(tmp_path: Path, pair: str, said: str) -> None:
    prepare(tmp_path)
    with pytest.raises(UserError, match=said):
        write_page(tmp_path, result(), "--sheet", pair)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine to open the page with")
def test_a_browser_shows_every_picture(page: str, tmp_path: Path) -> None:
    count = (
        "<script>onload = () => { const all = [...document.images]; document.title ="
        "`broken ${all.filter(i => !i.naturalWidth).length} of ${all.length}` }</script>"
    )
    (tmp_path / "page.html").write_text(page.replace("</body>", count + "</body>"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    screenshot = tmp_path / "page.png"
    flags += [f"--screenshot={screenshot}", "--window-size=1200,2000", "--dump-dom"]
    url = (tmp_path / "page.html").as_uri()
    assert BROWSER is not None
    shown = subprocess.run([BROWSER, *flags, url], capture_output=True, text=True, timeout=120, check=True)
    assert "<title>broken 0 of " in shown.stdout
    pixels = np.asarray(Image.open(screenshot).convert("L"))
    assert pixels.shape == (2000, 1200)
    assert 0.02 < (pixels < 200).mean() < 0.9, "the page is neither blank nor black"


def test_neighbours_agree_with_plain_cosines() -> None:
    features = np.random.default_rng(1).normal(size=(40, 6)).astype("float32")
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    queries = np.array([3, 17])
    assert nearest(features, queries, 5).tolist() == np.argsort(-cosines[queries], axis=1)[:, :5].tolist()


def test_queries_cover_as_many_classes_as_they_can() -> None:
    labels = np.array(["a"] * 50 + ["b", "b", "c"])
    assert sorted(labels[spread_over_classes(labels, 3, seed=0)]) == ["a", "b", "c"]
    assert len(set(spread_over_classes(labels, 20, seed=0).tolist())) == 20
