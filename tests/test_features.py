"""Frozen features: every regime, one row an object, the same turn for the same object."""

from math import pi
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossjepa.features.extract import encode_with, in_every_regime, kept_clouds
from crossjepa.features.regimes import pose_clouds, turn_angles
from crossjepa.model.sizes import build
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
    encoder = build("tiny", 4, 6, "none").encoder.eval()
    features = in_every_regime(loaded, kept, 0, encode_with(encoder))
    assert {name: rows.shape for name, rows in features.items()} == {"canonical": (4, 384), "zz": (4, 384)}
    assert np.allclose(features["canonical"], encoder.features(loaded).numpy(), atol=1e-5)
