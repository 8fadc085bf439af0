"""Unlabelled objects get classes, and the accuracy that is promised is the one that comes."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from procedural import shape, turned
from small_encoder import save_small_encoder
from typer.testing import CliRunner
from workplace import QUICK, Workplace, blobs

from crossjepa import cli
from crossjepa.commands import probe
from crossjepa.commands.classify import classify as classify_command
from crossjepa.errors import UserError
from crossjepa.probe.predict import predict
from crossjepa.probe.probabilities import held_out_probabilities


def table_of(labels: np.ndarray, known: np.ndarray) -> pd.DataFrame:
    """Objects with a class where it is known."""
    names = np.where(known, np.char.add("class ", labels.astype(str)), "")
    return pd.DataFrame({"id": [f"object {row}" for row in range(len(labels))], "class": names})


def test_the_promised_accuracy_is_the_one_that_comes() -> None:
    features, labels, groups = blobs(classes=5, groups=30, noise=1.5)
    known = groups % 2 == 0
    filled, trust = predict(table_of(labels, known), features, groups, QUICK)
    right = 100 * (filled["class"] == np.char.add("class ", labels.astype(str)))[~known].mean()
    assert 40 < right < 95, "neither trivial nor hopeless"
    assert abs(trust.overall.correct - right) < 15
    assert trust.ci95[0] < trust.overall.correct < trust.ci95[1]
    assert trust.overall.objects == known.sum() == sum(each.objects for each in trust.classes.values())
    assert sum(each.objects for each in trust.bands.values()) == known.sum()
    assert trust.bands[0.9].correct > trust.bands[0.0].correct
    assert set(filled.loc[known, "source"]) == {"given"}
    assert filled["probability"].isna().tolist() == known.tolist()


def test_what_is_learned_from_copies_does_not_count() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 80)).repeat(4, axis=0) + 0.01 * rng.normal(size=(160, 80))
    labels, groups = np.resize([0, 1], 40).repeat(4), np.arange(40).repeat(4)
    table = table_of(labels, np.arange(160) > 7)
    _, honest = predict(table, features, groups, QUICK)
    _, fooled = predict(table, features, np.arange(160), QUICK)
    assert honest.overall.correct < 70
    assert fooled.overall.correct > 90


def test_probabilities_are_as_large_as_they_are_right() -> None:
    features, labels, groups = blobs(classes=4, groups=30, noise=2.0)
    probabilities = held_out_probabilities(features, labels, groups, QUICK)
    assert np.allclose(probabilities.sum(axis=1), 1)
    right = probabilities.argmax(axis=1) == labels
    assert abs(probabilities.max(axis=1).mean() - right.mean()) < 0.2


def test_a_class_of_one_group_is_told() -> None:
    features, labels, groups = blobs()
    labels[groups == 0] = 7
    _, trust = predict(table_of(labels, groups != 1), features, groups, QUICK)
    assert trust.classes["class 7"].correct == 0
    assert "warning: class 'class 7' has a single group and cannot be tested; label more" in trust.lines


def test_what_cannot_be_predicted_is_refused() -> None:
    features, labels, groups = blobs()
    for known, message in {
        "none": "the labels name 0 classes; label objects of at least two",
        "all": "all .* objects have a class; leave it empty for those to predict",
    }.items():
        given = table_of(labels, np.full(len(labels), known == "all"))
        with pytest.raises(UserError, match=message):
            predict(given, features, groups, QUICK)
    with pytest.raises(UserError, match="no class has two groups"):
        predict(table_of(labels, groups != 1), features, np.zeros(len(labels), np.int64), QUICK)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_encoder(tmp_path_factory.mktemp("encoder"), settings={"points": 512})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled lamps and sofas with a turned copy, three unlabelled objects, and one that is broken."""
    folder = tmp_path_factory.mktemp("mine")
    rows = []
    for number in range(6):
        for name in (f"lamp-{15 * number + 7:06d}", f"sofa-{15 * number + 10:06d}"):
            shape(name).export(folder / f"{name}.stl")
            rows.append(f"{name}.stl,{name[:4] if number < 5 else ''}")
    turned(shape("sofa-000010"), 30.0).export(folder / "copy.stl")
    (folder / "torn.glb").write_bytes(b"glTF")
    (folder.parent / "some.csv").write_text("\n".join(["path,class", *rows]))
    return folder


def run(arguments: list[str]) -> str:
    """Call `crossjepa classify`; what it printed."""
    app = typer.Typer()
    app.command()(classify_command)
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_a_folder_gets_its_missing_classes(folder: Path, encoder: Path, tmp_path: Path) -> None:
    output = tmp_path / "labels.csv"
    given = [str(folder), "--labels", str(folder.parent / "some.csv"), "--encoder", str(encoder)]
    printed = run([*given, "-o", str(output)])
    assert "set aside: torn.glb: the GLB is cut short" in printed
    assert "3 of 13 objects predicted, 1 set aside\nexpected accuracy: " in printed
    table = pd.read_csv(output).set_index("id")
    assert list(table.columns) == ["path", "class", "probability", "source"]
    predicted = table[table["source"] == "predicted"]
    assert predicted["class"].to_dict() == {
        "lamp-000082.stl": "lamp",
        "sofa-000085.stl": "sofa",
        "copy.stl": "sofa",
    }
    assert predicted["probability"].between(0.5, 1).all()
    told = json.loads(run([*given, "-o", str(output), "--json"]))
    assert told["predicted"] == 3
    assert told["set_aside"] == {"torn.glb": "the GLB is cut short"}
    assert told["trust"]["overall"]["objects"] == 10


@pytest.mark.parametrize(
    ("rows", "output", "message"),
    [
        (
            "path,kind\na.stl,x",
            "a.csv",
            r"wrong\.csv: unknown column 'kind'; the first line may hold id,path,",
        ),
        ("path,class\nsofa-000010.stl,sofa", "a.csv", ".*: its objects have 1 class, and at least two are"),
        (
            "path,class\nmine/a.stl,sofa",
            "a.csv",
            r"wrong\.csv: none of its 1 labelled rows names an object of .*; the first is mine/a\.stl; paths",
        ),
        ("path,class\nsofa-000010.stl,sofa", "a.txt", r"a\.txt: its name must end in \.csv"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    folder: Path,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    output: str,
    message: str,
) -> None:
    (tmp_path / "wrong.csv").write_text(rows)
    monkeypatch.chdir(tmp_path)
    arguments = [str(folder), "--labels", "wrong.csv", "--encoder", str(encoder), "-o", output]
    monkeypatch.setattr(sys, "argv", ["crossjepa", "classify", *arguments])
    with pytest.raises(SystemExit, match=f"crossjepa: error: {message}") as stopped:
        cli.main()
    assert "\n" not in str(stopped.value)
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.csv"]


def test_the_unlabelled_objects_of_a_run(tmp_path: Path) -> None:
    place, rng = Workplace(tmp_path), np.random.default_rng(0)
    place.table.assign(status="ok").to_parquet(tmp_path / "listed.parquet")
    shown = [*range(0, 8), *range(14, 22), 42, 43]
    place.bundle("few", [place.ids[row] for row in shown], place.good[shown], {}, {})
    place.store("clouds", {"xyz": rng.normal(size=(48, 1024, 3)).astype(np.float32) ** 3}, {})
    settings = json.dumps({"probe": QUICK.model_dump(mode="json")})
    arguments = ["predict", "--settings", settings, "--output", str(tmp_path / "a.csv")]
    for name, path in {"catalog": "listed.parquet", "features": "few", "points": "clouds"}.items():
        arguments += ["--input", f"{name}={tmp_path / path}"]
    outcome = CliRunner().invoke(probe.app, arguments, catch_exceptions=False)
    assert "2 of 18 objects predicted\nexpected accuracy: " in outcome.output
    table = pd.read_csv(tmp_path / "a.csv")
    assert table.loc[table["source"] == "predicted", "id"].tolist() == ["extra-0", "extra-1"]
