"""Pretraining: it learns, it resumes exactly, it never sees a test object."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from crossjepa.config import PretrainConfig
from crossjepa.errors import UserError
from crossjepa.model.sizes import build
from crossjepa.pretrain.artifact import load_encoder, save_encoder
from crossjepa.pretrain.clouds import load_clouds, normalised
from crossjepa.pretrain.examples import Examples, load_examples
from crossjepa.pretrain.health import effective_rank, feature_spread
from crossjepa.pretrain.log import TrainingLog
from crossjepa.pretrain.schedule import CosineWithWarmup
from crossjepa.pretrain.train import Training, draw_batch, make_optimizer
from crossjepa.store import sharded
from crossjepa.store.seal import seal

IDS = [f"object-{i}" for i in range(10)]


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A catalog with three test objects, and sealed stores in which one object was set aside."""
    rng = np.random.default_rng(0)
    splits = ["train"] * 4 + ["test"] * 3 + ["pretrain"] * 3
    pd.DataFrame({"id": IDS, "split": splits, "status": "ok"}).to_parquet(tmp_path / "catalog.parquet")
    layout = sharded.Layout(objects=10, shards=2, chunk=4)
    arrays = {
        "points": {"xyz": rng.normal(size=(10, 300, 3)).astype("float32")},
        "targets": {
            "embedding": rng.normal(2.0, 3.0, size=(10, 4, 8)).astype("float16"),
            "pose": np.tile(np.array([0.5, 0.4, 2.5, 0, 1, 0], dtype="float32"), (10, 4, 1)),
            "colour": rng.random(size=(10, 4, 6)).astype("float32"),
        },
    }
    for name, content in arrays.items():
        specs = {k: sharded.ArraySpec(v.shape[1:], str(v.dtype)) for k, v in content.items()}
        sharded.create(tmp_path / name, layout, specs, {})
        for shard in range(layout.shards):
            rows = layout.positions(shard)
            ids = [IDS[i] for i in rows]
            aside = {"object-8": "broken"} if name == "targets" and "object-8" in ids else {}
            values = {k: v[rows.start : rows.stop] for k, v in content.items()}
            sharded.write_shard(tmp_path / name, shard, ids, values, aside)
        seal(tmp_path / name, IDS, max_bad_fraction=0.2)
    return tmp_path / "catalog.parquet", tmp_path / "points", tmp_path / "targets"


def examples(stores: tuple[Path, Path, Path], shuffle_seed: int | None = None) -> Examples:
    return load_examples(*stores, cloud_points=256, groups=64, group_size=32, shuffle_seed=shuffle_seed)


def few(**changes: object) -> PretrainConfig:
    values = {"epochs": 3, "batch_size": 4, "views_per_step": 2, "precision": "fp32", "warmup": 0.0}
    return PretrainConfig(**{**values, **changes})  # type: ignore[arg-type]


def test_no_test_object_and_none_set_aside_is_learned(stores: tuple[Path, Path, Path]) -> None:
    assert examples(stores).ids == [f"object-{i}" for i in (0, 1, 2, 3, 7, 9)]


def test_targets_are_standardised_and_belong_to_their_objects(stores: tuple[Path, Path, Path]) -> None:
    loaded = examples(stores)
    flat = loaded.targets.flatten(0, 1)
    assert torch.allclose(flat.mean(0), torch.zeros(8), atol=1e-5)
    assert torch.allclose(flat.std(0), torch.ones(8), atol=1e-4)
    raw = torch.from_numpy(sharded.read_array(stores[2], "embedding")).float()[[0, 1, 2, 3, 7, 9]]
    expected = (raw - raw.flatten(0, 1).mean(0)) / raw.flatten(0, 1).std(0)
    assert torch.allclose(loaded.targets, expected, atol=1e-4)


def test_shuffling_deals_the_same_targets_to_other_objects(stores: tuple[Path, Path, Path]) -> None:
    plain, dealt = examples(stores), examples(stores, shuffle_seed=1)
    assert not torch.equal(plain.targets, dealt.targets)
    assert torch.equal(plain.clouds, dealt.clouds)
    assert torch.allclose(plain.targets.sum((1, 2)).sort().values, dealt.targets.sum((1, 2)).sort().values)


def test_clouds_fill_the_unit_sphere(stores: tuple[Path, Path, Path]) -> None:
    clouds = load_clouds(stores[1], 256)
    assert torch.allclose(clouds.mean(1), torch.zeros(10, 3), atol=1e-5)
    assert torch.allclose(clouds.norm(dim=-1).amax(1), torch.ones(10), atol=1e-5)
    with pytest.raises(UserError, match=r"have 300 points, fewer than the 512 wanted"):
        load_clouds(stores[1], 512)


def test_a_batch_turns_clouds_and_cameras_by_the_same_angle(stores: tuple[Path, Path, Path]) -> None:
    loaded = examples(stores)
    chosen = torch.arange(6)
    turned = draw_batch(loaded, chosen, few(), torch.Generator().manual_seed(3))
    plain = draw_batch(loaded, chosen, few(rotation=False), torch.Generator().manual_seed(3))
    angle = turned.pose[:, 0, 0] - plain.pose[:, 0, 0]
    assert (angle.abs() > 0.1).any()
    x, z = plain.centres[..., 0], plain.centres[..., 2]
    expected = x * angle.cos()[:, None] + z * angle.sin()[:, None]
    assert torch.allclose(turned.centres[..., 0], expected, atol=1e-5)
    assert torch.equal(turned.targets, plain.targets)


def test_training_lowers_the_loss_and_logs_it(stores: tuple[Path, Path, Path], tmp_path: Path) -> None:
    Training(examples(stores), few(epochs=12, rotation=False), 0, tmp_path / "state", "a").run()
    records = [json.loads(line) for line in (tmp_path / "state/metrics.jsonl").read_text().splitlines()]
    assert records[-1]["step"] == 24
    assert records[-1]["loss"] < 0.9 * records[0]["loss"]
    wanted = {
        "step",
        "epoch",
        "loss",
        "learning_rate",
        "objects_per_second",
        "feature_spread",
        "effective_rank",
    }
    assert set(records[0]) == wanted
    assert list((tmp_path / "state/tensorboard").iterdir())


def test_a_killed_run_ends_exactly_where_an_undisturbed_one_does(
    stores: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossjepa.pretrain.train.CHECKPOINT_SECONDS", 0.0)
    loaded, wanted = examples(stores), few(epochs=4)
    whole = Training(loaded, wanted, 0, tmp_path / "whole", "same").run()

    class KilledError(Exception):
        pass

    class Killed(Training):
        def _epoch(self, epoch: int, progress: object) -> None:
            if epoch == 2:
                raise KilledError
            super()._epoch(epoch, progress)  # type: ignore[arg-type]

    with pytest.raises(KilledError):
        Killed(loaded, wanted, 0, tmp_path / "cut", "same").run()
    resumed = Training(loaded, wanted, 0, tmp_path / "cut", "same")
    assert resumed.first_epoch == 2
    weights = resumed.run().state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in whole.state_dict().items())
    logs = [(tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "cut")]
    losses = [[(r["step"], r["loss"]) for r in map(json.loads, lines)] for lines in logs]
    assert losses[0] == losses[1]


def test_a_checkpoint_of_another_run_is_left_alone(stores: tuple[Path, Path, Path], tmp_path: Path) -> None:
    Training(examples(stores), few(), 0, tmp_path, "one").run()
    assert Training(examples(stores), few(), 0, tmp_path, "other").first_epoch == 0


def test_biases_norms_and_tokens_do_not_decay() -> None:
    model = build("tiny", 8, 6, "both")
    decayed, kept = make_optimizer(model, few()).param_groups
    assert kept["weight_decay"] == 0
    assert decayed["weight_decay"] == few().weight_decay
    names = {id(p): name for name, p in model.named_parameters()}
    assert all(names[id(p)].endswith("weight") and "norm" not in names[id(p)] for p in decayed["params"])
    assert "predictor.query" in {names[id(p)] for p in kept["params"]}


def test_the_schedule_rises_then_falls() -> None:
    schedule = CosineWithWarmup(peak=1.0, steps=100, warmup_steps=10)
    rates = [schedule.at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.01, abs=0.002)


def test_rank_and_spread_show_collapse() -> None:
    healthy = torch.randn(400, 16, generator=torch.Generator().manual_seed(0))
    line = healthy[:, :1] * torch.ones(1, 16)
    assert effective_rank(healthy) > 14
    assert effective_rank(line) == pytest.approx(1.0, abs=0.01)
    assert feature_spread(torch.ones(5, 3)) == 0


def test_an_encoder_survives_the_disk(tmp_path: Path) -> None:
    encoder = build("tiny", 8, 6, "both").encoder.eval()
    save_encoder(tmp_path / "encoder.safetensors", encoder, {"seed": 3})
    once = (tmp_path / "encoder.safetensors").read_bytes()
    for _ in range(5):
        save_encoder(tmp_path / "again.safetensors", encoder, {"seed": 3})
        assert (tmp_path / "again.safetensors").read_bytes() == once, "equal encoders are equal bytes"
    loaded, provenance = load_encoder(tmp_path / "encoder.safetensors")
    points = normalised(torch.randn(2, 128, 3))
    assert torch.equal(encoder.features(points), loaded.features(points))
    assert provenance == {"seed": 3}


def test_a_file_that_is_no_encoder_is_named(tmp_path: Path) -> None:
    (tmp_path / "encoder.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"encoder\.safetensors: not an encoder"):
        load_encoder(tmp_path / "encoder.safetensors")


def test_half_a_log_line_of_a_killed_run_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    TrainingLog(tmp_path, resume_step=2).close()
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n'
