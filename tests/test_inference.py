"""An encoder in use: it gives the vectors of the pipeline, and says what it cannot encode."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
import torch
import trimesh
import typer
from huggingface_hub.errors import RemoteEntryNotFoundError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from small_encoder import POINTS, TARGET, knob, save_small_encoder
from typer.testing import CliRunner

import crossjepa
from crossjepa.artifact import save_encoder
from crossjepa.commands import data, features, store
from crossjepa.commands.embed import embed as embed_command
from crossjepa.data.clouds import keep_finite
from crossjepa.errors import UserError
from crossjepa.inference.clouds import Sampling, UnitCloud, thin
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.sklearn import EncodingTransformer
from crossjepa.model.sizes import build
from crossjepa.store.bundle import read_bundle


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small encoder and its predictor, as a run leaves them."""
    return save_small_encoder(tmp_path_factory.mktemp("trained") / "encoders/trained/0")


@pytest.fixture(scope="module")
def encoder(trained: Path) -> Encoder:
    return crossjepa.load(trained)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Meshes in several formats."""
    folder = tmp_path_factory.mktemp("objects")
    for number, name in enumerate(["a.glb", "b.stl", "c.obj", "d.ply", "e.off"]):
        mesh = knob()
        mesh.apply_scale((1, 1 + number / 4, 3 - number / 2))
        mesh.export(folder / name)
    return folder


def piped(folder: Path, trained: Path, kind: str = "tokens") -> np.ndarray:
    """The features that the pipeline's commands give the objects of a folder."""
    runner, work = CliRunner(), folder.parent / f"{folder.name} work"
    settings = {
        "data": {"points": 2048, "mine": {"kind": "folder", "path": str(folder)}},
        "store": {"shards": 1},
    }
    common = ["--settings", json.dumps(settings)]
    named = [*common, "--dataset", "mine"]
    stored = ["--meshes", str(work / "meshes"), "--store", str(work / "points")]
    shown = ["--points", str(work / "points"), "--cloud", f"farthest:{POINTS}"]
    files = ["--encoder", str(trained / "encoder.safetensors")]
    files += ["--predictor", str(trained / "predictor.safetensors"), "--output", str(work / "features.zip")]
    for app, arguments in (
        (data.app, ["scan", *named, "--output", str(work / "meshes")]),
        (data.app, ["layout", *named, *stored]),
        (data.app, ["sample", *named, *stored, "--shard", "0"]),
        (store.app, ["seal", *common, *stored]),
        (features.app, ["extract", *common, *shown, *files]),
    ):
        outcome = runner.invoke(app, arguments, catch_exceptions=False)
        assert outcome.exit_code == 0, outcome.output
    arrays, _ = read_bundle(work / "features.zip")
    return arrays[f"canonical_{kind}"]


@pytest.mark.parametrize("kind", ["tokens", "imagined"])
def test_meshes_have_the_vectors_of_the_pipeline(
    encoder: Encoder, trained: Path, folder: Path, kind: Any
) -> None:
    expected = piped(folder, trained, kind)
    assert np.abs(encoder.encode(folder, features=kind) - expected).max() < 1e-5
    files = sorted(folder.iterdir())
    assert np.abs(encoder.encode([str(files[2]), files[0]], features=kind) - expected[[2, 0]]).max() < 1e-5


def test_clouds_have_the_vectors_of_the_pipeline(encoder: Encoder, trained: Path, tmp_path: Path) -> None:
    folder, rng = tmp_path / "clouds", np.random.default_rng(0)
    folder.mkdir()
    clouds = [rng.normal(size=(count, 3)) * (1, 2, 3) + (5e5, 4e6, 0) for count in (100, 3000)]
    for number, cloud in enumerate(clouds):
        np.save(folder / f"{number}.npy", cloud)
    expected = piped(folder, trained)
    assert np.abs(encoder.encode(folder) - expected).max() < 1e-5
    assert np.abs(encoder.encode(clouds) - expected).max() < 1e-5
    learnable = torch.from_numpy(clouds[1]).requires_grad_()
    for given in (learnable, learnable.unsqueeze(0), np.stack(clouds[1:])):
        assert np.abs(encoder.encode(given) - expected[1:]).max() < 1e-5
    column = pd.Series(sorted(map(str, folder.iterdir())))
    for given in (column, column.to_numpy(), column.to_numpy(str)):
        assert np.abs(encoder.encode(given) - expected).max() < 1e-5


def test_an_object_has_one_vector_whatever_it_is_given_as(encoder: Encoder, tmp_path: Path) -> None:
    mesh = knob()
    mesh.export(tmp_path / "a.ply")
    scene = trimesh.Scene(mesh)
    loaded = trimesh.load(tmp_path / "a.ply", process=False, force="mesh")
    vectors = encoder.encode([tmp_path / "a.ply", loaded, mesh, scene])
    assert vectors.dtype == np.float32
    assert np.abs(vectors - vectors[0]).max() < 1e-4
    many = encoder.encode((knob() for _ in range(7)), batch_size=3)
    assert np.abs(many - vectors[2]).max() < 1e-5


def test_place_and_scale_do_not_matter_and_the_axis_does(encoder: Encoder) -> None:
    mesh, moved, lying = knob(), knob(), knob()
    moved.apply_transform(trimesh.transformations.translation_matrix((7, 8, 9)))
    moved.apply_scale(40)
    lying.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    first, second = encoder.encode([mesh, moved])
    assert np.abs(first - second).max() < 1e-3
    assert np.abs(encoder.encode(lying, up="z")[0] - first).max() < 1e-3
    assert np.abs(encoder.encode(lying)[0] - first).max() > 1e-2


def test_patches_lie_on_their_object(encoder: Encoder) -> None:
    mesh = knob()
    mesh.apply_transform(trimesh.transformations.rotation_matrix(1.0, (1, 2, 3)))
    mesh.apply_translation((30, -5, 2))
    for up in ("y", "z"):
        tokens, centres = encoder.encode([mesh, np.asarray(mesh.sample(5000))], features="patches", up=up)
        assert tokens.shape == (2, encoder.network.config.groups, encoder.network.config.dim)
        for rows in centres:
            _, distance, _ = trimesh.proximity.closest_point_naive(mesh, rows)
            assert distance.max() < 1e-3


def test_both_is_one_beside_the_other(encoder: Encoder) -> None:
    tokens, imagined, both = (encoder.encode(knob(), features=f) for f in ("tokens", "imagined", "both"))
    assert np.array_equal(np.concatenate([tokens, imagined], axis=1), both)


def test_imagining_the_ring_of_the_predictor_gives_its_mean(encoder: Encoder) -> None:
    """Up to the frames of camera and cloud, which have almost the same centre and radius here."""
    ball = trimesh.creation.icosphere(subdivisions=4)
    views = encoder.imagination.pose[:, :3].numpy()
    imagined = encoder.imagine(ball, views)
    assert imagined.shape == (1, len(views), TARGET)
    mean, std = encoder.imagination.mean.numpy(), encoder.imagination.std.numpy()
    expected = encoder.encode(ball, features="imagined") * std + mean
    assert np.abs(imagined.mean(1) - expected).max() < 0.02


def test_broken_objects_are_skipped_with_their_reasons_or_stop(encoder: Encoder, tmp_path: Path) -> None:
    knob().export(tmp_path / "good.stl")
    (tmp_path / "bad.off").write_text("OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n")
    given = [tmp_path, np.zeros((40, 3)), np.full((50, 3), np.nan), np.eye(3), trimesh.Trimesh()]
    values, names, reasons = encoder.encode(given, errors="skip")
    assert names == [str(tmp_path / "bad.off"), str(tmp_path / "good.stl"), "2", "3", "4", "5"]
    assert np.isfinite(values).all(axis=1).tolist() == [False, True, False, False, False, False]
    assert list(reasons.values()) == [
        "no faces",
        "all points are the same",
        "no points: of 50 rows none is finite",
        "3 points, fewer than 32",
        "no faces",
    ]
    with pytest.raises(UserError, match=r"bad\.off: no faces; leave it out, or pass errors='skip'"):
        encoder.encode(tmp_path)


def test_an_object_that_ends_its_process_or_hangs_is_skipped(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(points: np.ndarray, sampling: Sampling) -> UnitCloud:
        if points[0, 0] == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60 * (points[0, 0] == 2))
        return thin(keep_finite(points), sampling)

    monkeypatch.setattr("crossjepa.inference.objects._points_in_memory", read)
    monkeypatch.setattr("crossjepa.inference.reading.SECONDS", 1.5)
    clouds = np.random.default_rng(0).normal(size=(4, 300, 3))
    clouds[1:3, 0, 0] = 1, 2
    values, _, reasons = encoder.encode(clouds, errors="skip")
    assert np.isfinite(values).all(axis=1).tolist() == [True, False, False, True]
    assert reasons["1"].startswith("reading it ended the process with code -9")
    assert reasons["2"] == "took more than 1.5 s to read"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.glb", r"nowhere\.glb: no such file or folder"),
        (Path(__file__), r"test_inference\.py: not a mesh or a point cloud: \.3mf"),
        (Path(__file__).parent, "holds only .* it must hold meshes"),
        (7, "cannot encode int: give paths, meshes of trimesh"),
        (np.eye(4), r"0: points must be an \(N, 3\) array of numbers, not \(4, 4\) float64"),
        (np.array([["a", "b", "c"]] * 40), r"0: points must be an \(N, 3\) array of numbers"),
    ],
)
def test_what_cannot_be_encoded_is_told(encoder: Encoder, given: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoder.encode(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "all"}, "features must be one of tokens, imagined, both, patches, not 'all'"),
        ({"errors": "ignore"}, "errors must be one of raise, skip, not 'ignore'"),
        ({"up": "w"}, "up must be one of None, file, x, y, z, not 'w'"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ],
)
def test_unknown_options_are_told(encoder: Encoder, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoder.encode(knob(), **options)


def test_nothing_gives_nothing(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 2 * encoder.network.config.dim)


def test_an_encoder_is_found_by_its_file_its_folder_or_its_results(trained: Path, tmp_path: Path) -> None:
    for given in (trained, trained / "encoder.safetensors", trained.parent.parent.parent, str(trained)):
        assert crossjepa.load(given).imagination is not None
    with pytest.raises(UserError, match=r"neither it nor encoders/trained/<seed>/ in it holds encoder\.safe"):
        crossjepa.load(tmp_path)
    with pytest.raises(UserError, match="no/such/file: no such file or folder, nor owner/name"):
        crossjepa.load("no/such/file")


def test_an_encoder_of_the_hub_is_downloaded_with_its_predictor(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a hub: its client is replaced by one that knows two models."""

    def from_hub(repo_id: str, filename: str, **_: Any) -> str:
        assert repo_id in ("ann/encoder", "cy/alone")
        if not (trained / filename).exists() or (repo_id == "cy/alone" and filename.startswith("predictor")):
            raise RemoteEntryNotFoundError("no such file", response=MagicMock())
        return str(trained / filename)

    monkeypatch.setattr("huggingface_hub.hub_mixin.hf_hub_download", from_hub)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", from_hub)
    assert crossjepa.load("ann/encoder").imagination is not None
    assert crossjepa.Encoder.from_pretrained("ann/encoder").imagination is not None
    assert crossjepa.load("cy/alone").imagination is None
    with pytest.raises(UserError, match=r"bob/none: its encoder\.safetensors could not be downloaded"):
        crossjepa.load("bob/none")


def test_an_encoder_alone_imagines_nothing(trained: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((trained / "encoder.safetensors").read_bytes())
    encoder = crossjepa.load(alone)
    assert encoder.encode(knob()).shape == (1, 2 * encoder.network.config.dim)
    for call in (
        lambda: encoder.encode(knob(), features="imagined"),
        lambda: encoder.imagine(knob(), [[0, 0, 2]]),
    ):
        with pytest.raises(UserError, match=r"cannot imagine: put its predictor\.safetensors"):
            call()


def test_random_weights_are_not_taken_for_trained_ones(tmp_path: Path) -> None:
    model = build("tiny", target_dim=1, colour_dim=1, conditioning="none")
    save_encoder(tmp_path / "encoder.safetensors", model.encoder, {"seed": 0})
    with pytest.raises(UserError, match="random weights, or is of an earlier version"):
        crossjepa.load(tmp_path)


def test_scikit_learn_takes_it_as_a_step(trained: Path) -> None:
    boxes = [trimesh.creation.box((1, 1, 1 + n / 8)) for n in range(6)]
    balls = [trimesh.creation.icosphere(radius=1 + n) for n in range(6)]
    steps = [("encode", EncodingTransformer(trained)), ("classify", LogisticRegression(max_iter=2000))]
    fitted = Pipeline(steps).fit([*boxes[:4], *balls[:4]], [0] * 4 + [1] * 4)
    assert fitted.predict([*boxes[4:], *balls[4:]]).tolist() == [0, 0, 1, 1]


def test_the_import_is_light_and_needs_no_pipeline() -> None:
    heavy = ["torch", "trimesh", "pandas", "zarr", "snakemake", "sklearn", "pydantic", "typer"]
    loaded = "import sys, {}; print(*(m for m in " + repr(heavy) + " if m in sys.modules))"

    def modules(name: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", loaded.format(name)], capture_output=True, text=True, check=True
        )
        return set(done.stdout.split())

    assert modules("crossjepa") == set()
    assert modules("crossjepa.inference.encoder") == {"torch", "trimesh"}


def embed(arguments: list[str]) -> str:
    """Call `crossjepa embed`; what it printed."""
    app = typer.Typer()
    app.command()(embed_command)
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_a_folder_becomes_a_table_of_vectors(trained: Path, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "all/meshes")
    (tmp_path / "all/meshes/torn.glb").write_bytes(b"glTF")
    given = [str(tmp_path / "all"), str(folder / "b.stl"), "--encoder", str(trained)]
    for name in ("v.parquet", "v.csv", "v.npz"):
        printed = embed([*given, "-o", str(tmp_path / name)])
        assert "all/meshes/torn.glb: the GLB is cut short" in printed
        assert "6 vectors of 384 numbers, 1 set aside" in printed
    table = pd.read_parquet(tmp_path / "v.parquet")
    assert table["id"].tolist() == [*(f"meshes/{path.name}" for path in sorted(folder.iterdir())), "b.stl"]
    assert table["path"].tolist()[-1] == str(folder / "b.stl")
    vectors = np.stack(table["vector"])
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors[1], vectors[5])
    flat = pd.read_csv(tmp_path / "v.csv")
    assert np.array_equal(flat.iloc[:, 2:].to_numpy(np.float32), vectors)
    with np.load(tmp_path / "v.npz") as arrays:
        assert np.array_equal(arrays["vectors"], vectors)
        assert arrays["ids"].tolist() == table["id"].tolist()
    told = json.loads(embed([*given, "-o", str(tmp_path / "v.npz"), "--json"]))
    assert (told["vectors"], told["width"]) == (6, 384)
    assert told["set_aside"] == {str(tmp_path / "all/meshes/torn.glb"): "the GLB is cut short"}


def test_ids_are_unique_and_files_that_are_no_objects_are_counted(
    trained: Path, folder: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        shutil.copytree(folder, tmp_path / name)
    np.save(tmp_path / "two/points.npy", np.eye(3))
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    printed = embed([*folders, "--encoder", str(trained), "-o", str(tmp_path / "v.csv")])
    assert "two: 1 .npy passed over: the folder holds meshes" in printed
    assert pd.read_csv(tmp_path / "v.csv")["id"].is_unique


def test_a_table_of_nothing_is_not_written(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.glb").write_bytes(b"glTF")
    for name, message in {
        "v.csv": "none of 1 objects could be read; the first: .*torn.glb: the GLB is cut short",
        "v.txt": r"v\.txt: its name must end in \.parquet, \.csv, \.npz",
    }.items():
        with pytest.raises(UserError, match=message):
            embed([str(tmp_path / "torn.glb"), "--encoder", str(trained), "-o", str(tmp_path / name)])
    assert not list(tmp_path.glob("*v.*"))
