"""The audit finds planted faults, and says what it could not check."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from procedural import shape, turned
from small_encoder import save_small_encoder
from typer.testing import CliRunner
from workplace import BAD, QUICK, Workplace, blobs

from crossjepa import cli
from crossjepa.audit.alignment import Shape, distance
from crossjepa.audit.copies import NEAR, Copy, find_copies, join_groups
from crossjepa.audit.findings import audit
from crossjepa.audit.outliers import FAR, apartness
from crossjepa.audit.page import write_audit
from crossjepa.audit.suspects import suspect_labels
from crossjepa.commands import report
from crossjepa.commands.audit import audit as audit_command
from crossjepa.data.described import DescribedObjects
from crossjepa.errors import UserError
from crossjepa.inference.encoder import Encoder

NAMES = ["airplane-000000", "bed-000001", "bottle-000003", "chair-000005", "lamp-000007", "sofa-000010"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_encoder(tmp_path_factory.mktemp("encoder"), settings={"points": 512})


@pytest.mark.parametrize("name", NAMES)
def test_a_shape_is_found_however_it_is_turned_scaled_and_meshed(encoder: Path, name: str) -> None:
    mesh, other = shape(name), shape(NAMES[NAMES.index(name) - 1])
    changed = [
        turned(mesh, 73.0),
        turned(mesh, 90.0, (1, 0, 0)),
        turned(mesh, 50.0, (1, 2, 3)),
        mesh.subdivide(),
    ]
    changed[0].apply_scale(7)
    first, last, *others = map(Shape, Encoder.load(encoder).clouds([mesh, other, *changed]).values)
    assert all(distance(each, first) < NEAR for each in others)
    assert distance(last, first) > NEAR


def test_equal_files_equal_shapes_and_changed_ones_are_told_apart(encoder: Path) -> None:
    meshes = [shape("chair-000005"), shape("lamp-000007")]
    given = [*meshes, meshes[0].copy(), turned(meshes[1], 40.0), meshes[1], shape("sofa-000010")]
    clouds = Encoder.load(encoder).clouds(given).values
    features = np.random.default_rng(0).normal(size=(6, 8))
    copies = find_copies(["a", "b", "", "", "b", ""], clouds, features)
    assert [(copy.first, copy.second, copy.exact) for copy in copies] == [
        (0, 2, True),
        (1, 3, False),
        (1, 4, True),
    ]


def test_clouds_of_few_points_are_compared_too(encoder: Path) -> None:
    cloud = np.random.default_rng(0).normal(size=(200, 3)) * (1, 2, 3)
    quarter = cloud @ np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    clouds = Encoder.load(encoder).clouds([cloud, quarter, cloud**3]).values
    (copy,) = find_copies(["", "", ""], clouds, clouds[:, 0])
    assert (copy.first, copy.second, copy.exact) == (0, 1, False)
    assert copy.distance < 0.01


def test_copies_join_their_groups() -> None:
    copies = [Copy(0, 2, True, 0.0), Copy(2, 3, False, 0.5)]
    joined = join_groups(np.array(["a", "b", "c", "d", "b"]), copies)
    assert joined[0] == joined[2] == joined[3]
    assert joined[1] == joined[4] != joined[0]
    assert len(set(join_groups(np.array(["a", "b"]), []))) == 2


def test_what_lies_apart_is_an_outlier_and_copies_do_not_hide_it() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 6)) * 0.3 + rng.normal(size=(4, 6)).repeat(30, axis=0)
    groups = np.arange(120)
    assert (apartness(features, groups) < FAR).all()
    features[7] = features[8] = 4 * np.array([1, -1, 1, -1, 1, -1])
    groups[8] = groups[7]
    assert set(np.flatnonzero(apartness(features, groups) > FAR)) == {7, 8}
    assert (apartness(features[:8], groups[:8]) == 0).all()


def test_swapped_labels_are_suspect_and_what_cannot_be_checked_is_said() -> None:
    features, labels, groups = blobs(noise=0.3)
    classes = np.array([f"class {label}" for label in labels])
    swapped = np.random.default_rng(1).permutation(len(labels))[:6]
    classes[swapped] = [f"class {(label + 1) % 4}" for label in labels[swapped]]
    classes[groups == 0] = "rare"
    found, notes = suspect_labels(features, classes, groups, QUICK)
    expected = set(swapped) - set(np.flatnonzero(groups == 0))
    hits = [suspect for suspect in found if suspect.row in expected]
    assert len(hits) >= 0.8 * len(expected)
    assert len(found) <= len(hits) + 2
    assert all(suspect.likelier == f"class {labels[suspect.row]}" for suspect in hits)
    assert notes[0] == "class 'rare' was not checked: it has a single group"
    assert re.match(r"labels were checked by a classifier that agrees with 9\d% of them", notes[1])
    few, notes = suspect_labels(features[:5], classes[:5], np.zeros(5, np.int64), QUICK)
    assert few == []
    assert notes[-1] == "labels were not checked: that needs two classes of two groups or more"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six objects in train and test with a copy, an equal mesh, a turned one and a broken one."""
    folder = tmp_path_factory.mktemp("planted")
    for name in NAMES:
        shape(name).export(folder / f"{name}.stl")
    shutil.copy(folder / "sofa-000010.stl", folder / "copy.stl")
    shape("lamp-000007").export(folder / "equal.glb")
    turned(shape("chair-000005"), 123.0).subdivide().export(folder / "turned.ply")
    (folder / "torn.glb").write_bytes(b"glTF")
    sides = {"copy.stl": "test", "equal.glb": "train", "turned.ply": "test"}
    rows = [f"{path.name},thing,{sides.get(path.name, 'train')}" for path in sorted(folder.iterdir())]
    (folder.parent / "planted.csv").write_text("\n".join(["path,class,split", *rows, "gone.stl,thing,train"]))
    return folder


def run(arguments: list[str]) -> str:
    """Call `crossjepa audit`; what it printed."""
    app = typer.Typer()
    app.command()(audit_command)
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_a_folder_with_planted_faults(planted: Path, encoder: Path, tmp_path: Path) -> None:
    labels = str(planted.parent / "planted.csv")
    files = [str(tmp_path / "audit.csv"), str(tmp_path / "audit.html")]
    given = [str(planted), "--labels", labels, "--encoder", str(encoder), "-o", files[0], "-o", files[1]]
    told = json.loads(run([*given, "--json"]))
    assert told["output"] == files
    assert told["objects"] == 11
    assert told["counts"]["broken"] == 2
    assert told["notes"] == [
        "labels were not checked: that needs two classes of two groups or more",
        "outliers were not looked for: there are too few objects",
    ]
    table = pd.read_csv(files[0], keep_default_na=False)
    pairs = {(row.kind, frozenset((row.id, row.other))) for row in table.itertuples()}
    assert pairs - {("broken", frozenset(("torn.glb", ""))), ("broken", frozenset(("gone.stl", "")))} == {
        ("exact copy", frozenset(("sofa-000010.stl", "copy.stl"))),
        ("exact copy", frozenset(("lamp-000007.stl", "equal.glb"))),
        ("near copy", frozenset(("chair-000005.stl", "turned.ply"))),
        ("copy across train and test", frozenset(("sofa-000010.stl", "copy.stl"))),
        ("copy across train and test", frozenset(("chair-000005.stl", "turned.ply"))),
    }
    meanings = table.set_index("id")["advice"]
    assert meanings["torn.glb"] == "the GLB is cut short; repair or remove it"
    assert meanings["gone.stl"] == "no such mesh or point cloud in the folder; repair or remove it"
    page = Path(files[1]).read_text()
    assert all(f">{name}</td>" in page for name in table["id"])
    assert page.count("<img") > 4


def test_a_page_shows_names_as_text_and_pictures_if_there_are_some(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"id": ["<b>a</b>", "c"], "class": "", "group": ["a", "c"], "split": "", "sha256": ["x", "x"]}
    )
    clouds = np.random.default_rng(0).normal(size=(2, 600, 3)).astype(np.float32)
    found = audit(DescribedObjects(table, clouds, clouds[:, 0], {}), QUICK)
    assert found.notes == [
        "labels were not checked: there are none",
        "copies across train and test were not looked for: there is no such split",
        "outliers were not looked for: there are too few objects",
    ]
    write_audit(tmp_path / "a.html", found, "mine", {"c": "data:image/jpeg;base64,abc"})
    page = (tmp_path / "a.html").read_text()
    assert "&lt;b&gt;a&lt;/b&gt;" in page
    assert page.count("<img") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "a.csv"], "crossjepa: error: nowhere: holds only|no such folder"),
        ([".", "-o", "a.txt"], r"crossjepa: error: a\.txt: its name must end in \.html or \.csv"),
        (
            [".", "-o", "a.csv"],
            r"crossjepa: error: \.: none of 1 objects can be read; the first: torn\.glb: the",
        ),
        ([".", "--labels", "no.csv", "-o", "a.csv"], r"crossjepa: error: no\.csv: no such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    (tmp_path / "torn.glb").write_bytes(b"glTF")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["crossjepa", "audit", *arguments, "--encoder", str(encoder)])
    with pytest.raises(SystemExit, match=message) as stopped:
        cli.main()
    assert "\n" not in str(stopped.value)
    assert [path.name for path in tmp_path.iterdir()] == ["torn.glb"]


def test_the_audit_of_a_run(tmp_path: Path) -> None:
    place, rng = Workplace(tmp_path), np.random.default_rng(0)
    table = place.table.assign(status="ok")
    table.loc[len(table)] = table.iloc[0].to_dict() | {"id": "torn", "status": "no faces", "split": ""}
    table.to_parquet(tmp_path / "listed.parquet")
    clouds = rng.normal(size=(48, 1024, 3)) * rng.uniform(0.1, 1, (48, 1, 3))
    clouds[11] = clouds[2]  # bed-11 is in test, bed-2 in train
    place.bundle("few", place.ids[:12], place.good[:12], {}, {})
    place.store("clouds", {"xyz": clouds.astype(np.float32)}, {})
    place.store("seen", {"thumbnails": np.full((48, 2, 8, 8, 3), 200, np.uint8)}, {BAD: "no texture"})
    inputs = {"catalog": "listed.parquet", "features": "few", "points": "clouds", "targets": "seen"}
    settings = json.dumps({"probe": QUICK.model_dump(mode="json")})
    arguments = ["audit", "--settings", settings, "--dataset", "toys", "--output", str(tmp_path / "a.html")]
    for name, path in inputs.items():
        arguments += ["--input", f"{name}={tmp_path / path}"]
    outcome = CliRunner().invoke(report.app, arguments, catch_exceptions=False)
    assert (
        "13 objects; broken: 1, exact copy: 1, near copy: 0, copy across train and test: 1" in outcome.output
    )
    found = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert found.loc[
        found["kind"] == "copy across train and test", ["id", "other"]
    ].to_numpy().ravel().tolist() in (["bed-2", "bed-11"], ["bed-11", "bed-2"])
    assert (tmp_path / "a.html").read_text().count("<img") >= 4


def test_features_of_other_objects_are_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.table.assign(status="ok").iloc[:-1].to_parquet(tmp_path / "listed.parquet")
    arguments = ["audit", "--settings", "{}", "--dataset", "toys", "--output", str(tmp_path / "a.html")]
    for name, path in {"catalog": "listed.parquet", "features": "encoder3", "points": "points"}.items():
        arguments += ["--input", f"{name}={tmp_path / path}"]
    with pytest.raises(UserError, match="encoder3: 'extra-5' is not in the catalog and the point store"):
        CliRunner().invoke(report.app, arguments, catch_exceptions=False)
    assert not (tmp_path / "a.html").exists()
