"""Frozen features: every regime, one row an object, the same turn for the same object."""

from math import pi
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossjepa.errors import UserError
from crossjepa.features.extract import describe_with, in_every_regime, kept_clouds
from crossjepa.features.regimes import cut_clouds, pose_clouds, turn_angles
from crossjepa.features.retrieve import view_distances
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.sizes import build
from crossjepa.model.transformer import pool
from crossjepa.store import sharded
from crossjepa.store.seal import seal


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.integers(0, 99))
def test_an_objects_turn_depends_on_its_id_and_the_seed_alone(ids: list[str], seed: int) -> None:
    angles = turn_angles(ids, seed)
    assert ((angles >= 0) & (angles <= 2 * pi)).all()
    assert torch.equal(angles.flip(0), turn_angles(ids[::-1], seed))


def test_turns_cover_the_circle_and_change_with_the_seed() -> None:
    ids = [str(i) for i in range(400)]
    counts = torch.histc(turn_angles(ids, 0), bins=8, min=0, max=2 * pi)
    assert counts.min() > 25
    assert not torch.equal(turn_angles(ids, 0), turn_angles(ids, 1))


def test_zz_turns_about_up_and_canonical_does_nothing() -> None:
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
    kept, loaded = kept_clouds(tmp_path, "farthest", 128)
    _, untouched = kept_clouds(tmp_path, "first", 100)
    assert np.array_equal(untouched, 5 * clouds[[0, 1, 3, 4], :100])
    assert kept == ["a", "b", "d", "e"]
    torch.manual_seed(0)
    model = build("tiny", 4, 6, "both").eval()
    imagination = Imagination(model.predictor, ring(0.4, 2.5), torch.rand(6), torch.zeros(4), torch.ones(4))
    features = in_every_regime(loaded, kept, 0, describe_with(model.encoder, imagination, None))
    shapes = {name: rows.shape for name, rows in features.items()}
    assert shapes == {
        f"{regime}_{kind}": (4, width)
        for regime in ("canonical", "zz", "partial")
        for kind, width in (("tokens", 384), ("imagined", 4))
    }
    assert np.allclose(features["canonical_tokens"], model.encoder.features(loaded).numpy(), atol=1e-5)
    earlier = in_every_regime(loaded, kept, 0, describe_with(model.encoder, None, 2))
    expected = pool(model.encoder.tokens(loaded, 2)).numpy()
    assert np.allclose(earlier["canonical_tokens"], expected, atol=1e-5)
    with pytest.raises(UserError, match=r"features\.block: 9, but the encoder has 4 blocks"):
        describe_with(model.encoder, None, 9)


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
    clouds = torch.nn.functional.normalize(torch.randn(3, 200, 3), dim=-1)
    table = view_distances(model.encoder, imagination, clouds, ids, tmp_path)
    assert table.shape == (3, 2, 3)
    said = torch.from_numpy(arrays["embedding"]).float().flatten(0, 1)
    with torch.no_grad():
        pose, colour = (torch.from_numpy(arrays[k][2:, 1:]) for k in ("pose", "colour"))
        answer = model.predictor(model.encoder.tokens(clouds[1:2]), pose, colour)[0, 0]
    expected = (answer - (said[5] - mean) / std).norm()
    assert table[2, 1, 1] == pytest.approx(float(expected), rel=1e-4)
