"""Frozen features: every regime, one row an object, the same turn for the same object."""

from math import pi
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from crossjepa.artifact import save_encoder, save_predictor
from crossjepa.commands.features import app
from crossjepa.features.extract import describe_with, extract, load_clouds
from crossjepa.features.regimes import cut_clouds, pose_clouds, rotation_angles
from crossjepa.features.retrieve import view_distances
from crossjepa.model.frames import move_cameras, normalise
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.sizes import build, random_encoder
from crossjepa.store import sharded
from crossjepa.store.bundle import read_bundle
from crossjepa.store.seal import seal

CPU = torch.device("cpu")


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.integers(0, 99))
def test_an_objects_rotation_depends_only_on_its_id_and_the_seed(ids: list[str], seed: int) -> None:
    angles = rotation_angles(ids, seed)
    assert ((angles >= 0) & (angles <= 2 * pi)).all()
    assert torch.equal(angles.flip(0), rotation_angles(ids[::-1], seed))


def test_rotations_cover_the_circle_and_change_with_the_seed() -> None:
    ids = [str(i) for i in range(400)]
    counts = torch.histc(rotation_angles(ids, 0), bins=8, min=0, max=2 * pi)
    assert counts.min() > 25
    assert not torch.equal(rotation_angles(ids, 0), rotation_angles(ids, 1))


def test_zz_rotates_about_up_and_canonical_does_nothing() -> None:
    clouds, ids = torch.randn(3, 50, 3), ["a", "b", "c"]
    turned = pose_clouds(clouds, ids, "zz", 0)
    assert torch.equal(pose_clouds(clouds, ids, "canonical", 0), clouds)
    assert torch.allclose(turned[..., 1], clouds[..., 1])
    assert torch.allclose(turned.norm(dim=-1), clouds.norm(dim=-1), atol=1e-5)
    assert not torch.allclose(turned, clouds, atol=1e-2)


def test_features_have_one_row_an_object_in_every_regime(tmp_path: Path) -> None:
    ids = ["a", "b", "c", "d", "e"]
    clouds = np.random.default_rng(0).normal(size=(5, 200, 3)).astype("float32")
    spec = sharded.ArraySpec((200, 3), "float32")
    sharded.create(tmp_path, sharded.Layout(5, 1, 8), {"xyz": spec, "first": spec}, {})
    sharded.write_shard(tmp_path, 0, ids, {"xyz": clouds, "first": 5 * clouds}, {"c": "broken"})
    seal(tmp_path, ids, max_bad_fraction=0.5)
    kept, loaded = load_clouds(tmp_path, "xyz", 128)
    loaded = normalise(loaded)[0]
    _, untouched = load_clouds(tmp_path, "first", 100)
    assert np.array_equal(untouched, 5 * clouds[[0, 1, 3, 4], :100])
    assert kept == ["a", "b", "d", "e"]
    torch.manual_seed(0)
    model = build("tiny", 4, 6, "both").eval()
    imagination = Imagination(model.predictor, ring(0.4, 2.5), torch.rand(6), torch.zeros(4), torch.ones(4))
    (features,) = extract(loaded, kept, 0, describe_with([model.encoder], imagination, CPU))
    shapes = {name: rows.shape for name, rows in features.items()}
    assert shapes == {
        f"{regime}_{kind}": (4, width)
        for regime in ("canonical", "zz", "partial")
        for kind, width in (("tokens", 384), ("imagined", 4))
    }
    assert np.allclose(features["canonical_tokens"], model.encoder.features(loaded).numpy(), atol=1e-5)


def test_encoders_that_share_patches_give_what_each_gives_alone() -> None:
    clouds, ids = normalise(torch.randn(40, 200, 3))[0], [str(i) for i in range(40)]
    encoders = [random_encoder("tiny", seed) for seed in range(2)]
    together = extract(clouds, ids, 0, describe_with(encoders, None, CPU))
    for encoder, described in zip(encoders, together, strict=True):
        (alone,) = extract(clouds, ids, 0, describe_with([encoder], None, CPU))
        assert all(np.array_equal(alone[name], described[name]) for name in alone | described)
    assert not np.allclose(*(described["zz_tokens"] for described in together))


def test_random_weights_are_those_that_training_starts_from() -> None:
    torch.manual_seed(3)
    begun = build("tiny", 4, 6, "both").encoder.state_dict()
    assert all(
        torch.equal(begun[name], value) for name, value in random_encoder("tiny", 3).state_dict().items()
    )


def test_a_gpu_gets_larger_batches() -> None:
    clouds, ids = torch.rand(100, 20, 3), [str(i) for i in range(100)]
    batches: dict[str, list[int]] = {"cpu": [], "cuda": []}

    for device_type, sizes in batches.items():

        def describe(batch: torch.Tensor, sizes: list[int] = sizes) -> list[dict[str, np.ndarray]]:
            sizes.append(len(batch))
            return [{"tokens": batch.flatten(1).numpy()}]

        (described,) = extract(clouds, ids, 0, describe, device_type)
        assert np.array_equal(described["canonical_tokens"], clouds.flatten(1).numpy())
    assert batches == {"cpu": 3 * [32, 32, 32, 4], "cuda": 3 * [100]}


def test_partial_clouds_lack_a_side_and_are_the_same_every_time() -> None:
    sphere, ids = torch.nn.functional.normalize(torch.randn(6, 500, 3), dim=-1), list("abcdef")
    cut = cut_clouds(sphere, ids, 0)
    assert cut.shape == sphere.shape
    assert torch.equal(cut, cut_clouds(sphere, ids, 0))
    assert not torch.equal(cut, cut_clouds(sphere, ids, 1))
    assert torch.equal(cut[2:3], cut_clouds(sphere[2:3], ["c"], 0)), "an object's cut is its own"
    assert torch.allclose(cut.norm(dim=-1).amax(1), torch.ones(6), atol=1e-5)
    assert [len(cloud.unique(dim=0)) for cloud in cut] == [300] * 6


def test_distances_are_nearest_where_the_prediction_is_right(tmp_path: Path) -> None:
    rng, ids = np.random.default_rng(0), ["a", "b", "c"]
    arrays = {
        "embedding": rng.normal(size=(3, 2, 4)).astype("float16"),
        "pose": np.tile(np.array([0.5, 0.4, 2.5, 0, 1, 0], dtype="float32"), (3, 2, 1)),
        "colour": rng.random((3, 2, 6)).astype("float32"),
    }
    specs = {k: sharded.ArraySpec(v.shape[1:], str(v.dtype)) for k, v in arrays.items()}
    sharded.create(tmp_path, sharded.Layout(3, 1, 8), specs, {})
    sharded.write_shard(tmp_path, 0, ids, arrays, {})
    seal(tmp_path, ids, max_bad_fraction=0.0)
    torch.manual_seed(0)
    model = build("tiny", 4, 6, "both").eval()
    mean, std = torch.full((4,), 2.0), torch.full((4,), 3.0)
    imagination = Imagination(model.predictor, ring(0.4, 2.5), torch.rand(6), mean, std)
    clouds = torch.rand(3, 200, 3).pow(3) - 0.2  # lopsided, each about another centre
    table = view_distances(model.encoder, imagination, clouds, ids, tmp_path, CPU)
    assert table.shape == (3, 2, 3)
    truth = torch.from_numpy(arrays["embedding"]).float().flatten(0, 1)
    with torch.no_grad():
        pose, colour = (torch.from_numpy(arrays[k][2:, 1:]) for k in ("pose", "colour"))
        cloud, centre, radius = normalise(clouds[1:2])
        moved = move_cameras(pose, centre, radius)
        assert not torch.allclose(moved, pose, atol=0.02)
        predicted = model.predictor(model.encoder.tokens(cloud), moved, colour)[0, 0]
    expected = (predicted - (truth[5] - mean) / std).norm()
    assert table[2, 1, 1] == pytest.approx(float(expected), rel=1e-4)


def test_the_commands_write_features_and_distances(tmp_path: Path) -> None:
    rng, ids = np.random.default_rng(0), ["a", "b", "c", "d"]
    splits = ["train", "test", "pretrain", "test"]
    pd.DataFrame({"id": ids, "split": splits}).to_parquet(tmp_path / "catalog.parquet")
    xyz = rng.normal(size=(4, 300, 3)).astype("float32") / 5
    contents = {
        "points": {"xyz": xyz, "first": 7 * xyz},
        "targets": {
            "embedding": rng.normal(size=(4, 2, 8)).astype("float16"),
            "pose": np.tile(np.array([0.5, 0.4, 2.5, 0, 1, 0], dtype="float32"), (4, 2, 1)),
            "colour": rng.random((4, 2, 6)).astype("float32"),
        },
    }
    for name, arrays in contents.items():
        specs = {k: sharded.ArraySpec(v.shape[1:], str(v.dtype)) for k, v in arrays.items()}
        sharded.create(tmp_path / name, sharded.Layout(4, 1, 8), specs, {})
        sharded.write_shard(tmp_path / name, 0, ids, arrays, {})
        seal(tmp_path / name, ids, max_bad_fraction=0.0)
    model = build("tiny", 8, 6, "both").eval()
    provenance = {"seed": 1, "datasets": ["own"], "settings": {"points": 256}}
    save_encoder(tmp_path / "encoder.safetensors", model.encoder, provenance)
    imagination = Imagination(model.predictor, ring(0.4, 2.5), torch.rand(6), torch.zeros(8), torch.ones(8))
    save_predictor(tmp_path / "predictor.safetensors", imagination, 192)

    def run(command: str, name: str, *options: str) -> tuple[dict[str, np.ndarray], dict[str, object]]:
        points, output = str(tmp_path / "points"), str(tmp_path / name)
        arguments = [command, "--settings", "{}", "--points", points, *options, "--output", output]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return read_bundle(tmp_path / name)

    networks = [
        *("--encoder", str(tmp_path / "encoder.safetensors")),
        *("--predictor", str(tmp_path / "predictor.safetensors")),
    ]
    features, attributes = run("extract", "features.zip", "--cloud", "farthest:256", *networks)
    assert attributes["ids"] == ids
    assert attributes["pretraining"] == provenance
    expected = model.encoder.features(normalise(torch.from_numpy(xyz[:, :256]))[0])
    assert np.allclose(features["canonical_tokens"], expected.numpy(), atol=1e-5)
    assert features["zz_imagined"].shape == (4, 8)
    geometry, attributes = run("geometry", "geometry.zip", "--cloud", "first:100")
    assert geometry["partial_tokens"].shape == (4, 67)
    assert attributes["encoder"] == {}
    stores = ["--catalog", str(tmp_path / "catalog.parquet"), "--targets", str(tmp_path / "targets")]
    distances, attributes = run("retrieve", "distances.zip", *stores, "--encoder", str(tmp_path))
    assert {name: table.shape for name, table in distances.items()} == {
        "seen": (2, 2, 2),
        "unseen": (2, 2, 2),
    }
    galleries = attributes["ids"]
    assert {name: sorted(drawn) for name, drawn in galleries.items()} == {
        "seen": ["a", "c"],
        "unseen": ["b", "d"],
    }  # type: ignore[attr-defined]
    wrong = [
        "geometry",
        "--settings",
        "{}",
        "--points",
        str(tmp_path),
        "--cloud",
        "nearest:9",
        "--output",
        "x",
    ]
    assert "--cloud nearest:9: must be farthest:N or first:N" in str(CliRunner().invoke(app, wrong).exception)
