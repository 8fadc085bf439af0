"""Pretraining: it learns, it resumes exactly, it never sees a test object."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch

from crossjepa.errors import UserError
from crossjepa.model.grouping import group, patches
from crossjepa.model.predictor import pose_features
from crossjepa.model.sizes import SIZES, build
from crossjepa.pretrain.artifact import load_encoder, load_imagination, save_encoder, save_predictor
from crossjepa.pretrain.augment import draw_chance, draw_points, transform
from crossjepa.pretrain.batch import draw_batch, epoch_length, epoch_order
from crossjepa.pretrain.clouds import load_clouds, normalised
from crossjepa.pretrain.examples import Examples, Stores, load_examples, load_held_out
from crossjepa.pretrain.health import effective_rank, feature_spread
from crossjepa.pretrain.log import TrainingLog
from crossjepa.pretrain.loss import LOSSES
from crossjepa.pretrain.schedule import CosineWithWarmup
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training, make_fabric, make_optimizer
from crossjepa.store import sharded
from crossjepa.store.seal import seal

TINY = SIZES["tiny"].encoder
IDS = [f"object-{i}" for i in range(10)]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """A catalog with three test objects, and sealed stores in which one object was set aside."""
    rng = np.random.default_rng(0)
    splits = ["train"] * 4 + ["test"] * 3 + ["pretrain"] * 3
    table = {"id": IDS, "split": splits, "status": "ok", "sha256": "0" * 64}
    pd.DataFrame(table).to_parquet(tmp_path / "catalog.parquet")
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
    return Stores(tmp_path / "catalog.parquet", tmp_path / "points", tmp_path / "targets")


def examples(stores: Stores, shuffle_seed: int | None = None) -> Examples:
    return load_examples([stores], points=256, shuffle_seed=shuffle_seed)


def training(
    examples: Examples, settings: PretrainSettings, folder: Path, fingerprint: str = "same", seed: int = 0
) -> Training:
    return Training(make_fabric(settings), examples, settings, seed, folder, fingerprint)


def few(**changes: object) -> PretrainSettings:
    values = {"epochs": 3, "batch_size": 4, "views_per_step": 2, "precision": "fp32", "warmup": 0.0}
    values |= {"rotated": 1.0, "scale": 0.0, "jitter": 0.0, "weight_decay": 0.05}
    return PretrainSettings(**{**values, **changes})  # type: ignore[arg-type]


def test_no_test_object_and_none_set_aside_is_learned(stores: Stores) -> None:
    assert examples(stores).ids == [f"object-{i}" for i in (0, 1, 2, 3, 7, 9)]


def test_targets_are_standardised_and_belong_to_their_objects(stores: Stores) -> None:
    loaded = examples(stores)
    assert torch.allclose(loaded.targets.mean(0), torch.zeros(8), atol=1e-5)
    assert torch.allclose(loaded.targets.std(0), torch.ones(8), atol=1e-4)
    raw = torch.from_numpy(sharded.read_array(stores.targets, "embedding")).float()[[0, 1, 2, 3, 7, 9]]
    restored = loaded.targets * loaded.std + loaded.mean
    assert torch.allclose(restored[loaded.views], raw, atol=1e-3)


def test_unseen_objects_are_measured_and_never_learned(stores: Stores, tmp_path: Path) -> None:
    learned = examples(stores)
    held_out = load_held_out([stores], 256, learned)
    assert held_out is not None
    assert held_out.ids == ["object-4", "object-5", "object-6"]
    raw = torch.from_numpy(sharded.read_array(stores.targets, "embedding")).float()[[4, 5, 6]]
    assert torch.allclose((held_out.targets * learned.std + learned.mean)[held_out.views], raw, atol=1e-3)
    alone = training(learned, few(), tmp_path / "alone").run().state_dict()
    run = Training(make_fabric(few()), learned, few(), 0, tmp_path / "watched", "same", held_out)
    watched = run.run()
    assert all(torch.equal(value, alone[name]) for name, value in watched.state_dict().items())
    records = [json.loads(line) for line in (tmp_path / "watched/metrics.jsonl").read_text().splitlines()]
    watched.eval()
    cut = patches(held_out.clouds, *group(held_out.clouds, 64, 32))
    with torch.no_grad():
        views = held_out.views
        predicted, _ = watched(*cut, held_out.pose[views], held_out.colour[views])
    targets = held_out.targets[views]
    variance, spread = targets.flatten(0, 1).var(0, correction=0), targets.flatten(0, 1).std(0)
    missed = ((predicted - targets) / spread).square().mean((0, 1))
    expected = 1 - missed.sum() / (variance / spread**2).sum()
    assert records[-1]["unseen_explained"] == pytest.approx(float(expected), abs=1e-5)


def test_targets_may_stay_as_the_teacher_gave_them(stores: Stores, tmp_path: Path) -> None:
    raw = load_examples([stores], points=256, standardise=False)
    assert torch.allclose(
        raw.targets, examples(stores).targets * examples(stores).std + examples(stores).mean
    )
    held_out = load_held_out([stores], 256, raw)
    assert held_out is not None
    Training(make_fabric(few()), raw, few(), 0, tmp_path, "same", held_out).run()
    explained = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["unseen_explained"]
    assert -1 < explained < 1, "measured from the mean of the targets, not from zero"


def test_each_loss_is_least_where_the_prediction_is_right() -> None:
    truth = torch.randn(4, 3, 8)
    assert set(LOSSES) == set(get_args(PretrainSettings.model_fields["loss"].annotation))
    for loss in LOSSES.values():
        assert loss(truth, truth).item() == pytest.approx(0, abs=1e-6)
        assert loss(truth + 1, truth) > 0.01
    assert LOSSES["cosine"](3 * truth, truth).item() == pytest.approx(0, abs=1e-6)
    assert LOSSES["cosine"](-truth, truth).item() == pytest.approx(2)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_chosen_loss_is_the_one_that_is_learned(
    stores: Stores, tmp_path: Path, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    distance, values = LOSSES[loss], []

    def watched(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        value = distance(predicted, targets)
        values.append(value.item())
        return value

    monkeypatch.setitem(LOSSES, loss, watched)
    training(examples(stores), few(loss=loss, epochs=1), tmp_path).run()
    assert len(values) == 1
    logged = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["loss"]
    assert logged == pytest.approx(values[0])


def test_shuffling_deals_the_same_targets_to_other_objects(stores: Stores) -> None:
    plain, dealt = examples(stores), examples(stores, shuffle_seed=1)
    assert not torch.equal(plain.targets, dealt.targets)
    assert torch.equal(plain.clouds, dealt.clouds)
    sums = [e.targets[e.views].sum((1, 2)).sort().values for e in (plain, dealt)]
    assert torch.allclose(*sums, atol=1e-4)


def test_data_sets_of_different_view_counts_are_learned_together(stores: Stores) -> None:
    one = examples(stores)
    both = load_examples([stores, stores], points=256)
    assert both.sizes == [6, 6]
    assert both.ids == one.ids * 2
    raw = [(e.targets * e.std + e.mean)[e.views[-6:]] for e in (both, one)]
    assert torch.allclose(*raw, atol=1e-3)
    both.views[:6, 2:] = -1  # as if the first set had two views only
    chance = draw_chance(12, 4, 256, few(), torch.Generator().manual_seed(0))
    both.cut(64, 32)
    batch = draw_batch(both, torch.arange(12), chance, few(), TINY)
    first_two = both.targets[both.views[:6, :2]]
    assert torch.equal(batch.targets[:6].sum(1), first_two.sum(1)), "padding is never drawn"


def test_weights_say_how_often_an_epoch_shows_an_object() -> None:
    sizes, weights = [10, 6, 8], [1.0, 2.5, 0.25]
    assert epoch_length(sizes, weights) == 10 + 15 + 2
    order = epoch_order(sizes, weights, torch.Generator().manual_seed(0))
    counts = torch.bincount(order, minlength=24)
    assert counts[:10].tolist() == [1] * 10
    assert sorted(counts[10:16].tolist()) == [2, 2, 2, 3, 3, 3]
    assert sorted(counts[16:].tolist()) == [0] * 6 + [1] * 2
    assert not torch.equal(order, epoch_order(sizes, weights, torch.Generator().manual_seed(1)))


def test_clouds_fill_the_unit_sphere(stores: Stores) -> None:
    clouds = load_clouds(stores[1], 256)
    assert torch.allclose(clouds.mean(1), torch.zeros(10, 3), atol=1e-5)
    assert torch.allclose(clouds.norm(dim=-1).amax(1), torch.ones(10), atol=1e-5)
    with pytest.raises(UserError, match=r"have 300 points, fewer than the 512 wanted"):
        load_clouds(stores[1], 512)


@pytest.mark.parametrize("kind", ["up", "so3"])
def test_a_batch_turns_clouds_and_cameras_together(stores: Stores, kind: str) -> None:
    loaded = examples(stores)
    loaded.cut(64, 32)
    chosen, turning = torch.arange(6), few(rotation=kind)
    chance = draw_chance(6, 4, 256, turning, torch.Generator().manual_seed(3))
    turned = draw_batch(loaded, chosen, chance, turning, TINY)
    plain = draw_batch(loaded, chosen, chance, few(rotation="none"), TINY)
    assert not torch.allclose(turned.centres, plain.centres, atol=1e-2)
    along = [
        torch.einsum("bgc,bvc->bgv", batch.centres, pose_features(batch.pose)[..., :3])
        for batch in (plain, turned)
    ]
    assert torch.allclose(*along, atol=1e-4)
    assert torch.equal(turned.targets, plain.targets)


def test_a_share_of_the_objects_stays_as_it_stands() -> None:
    clouds, pose = normalised(torch.randn(400, 32, 3)), torch.rand(400, 2, 6)
    settings = few(rotated=0.25)
    chance = draw_chance(400, 2, 32, settings, torch.Generator().manual_seed(0))
    points, _ = transform(clouds, pose, chance, settings)
    moved = ~torch.isclose(points, clouds, atol=1e-5).all(-1).all(-1)
    assert 0.18 < moved.float().mean() < 0.32


def test_scaling_moves_cameras_with_the_cloud_and_jitter_stays_small() -> None:
    clouds, pose = normalised(torch.randn(50, 300, 3)), torch.rand(50, 2, 6) + 2
    settings = few(rotation="none", scale=0.3, jitter=0.01, points=300)
    chance = draw_chance(50, 2, 300, settings, torch.Generator().manual_seed(0))
    points, cameras = transform(clouds, pose, chance, settings)
    sizes = cameras[:, 0, 2] / pose[:, 0, 2]
    assert 0.7 <= sizes.min() < 0.8
    assert 1.2 < sizes.max() <= 1.3
    noise = points - clouds * sizes[:, None, None]
    assert noise.abs().max() <= 0.03 + 1e-5
    assert noise.std() == pytest.approx(0.01, rel=0.05)
    assert torch.equal(cameras[..., 3:], pose[..., 3:])


def test_drawn_points_are_the_clouds_own_and_dropout_repeats_some() -> None:
    clouds = normalised(torch.randn(8, 600, 3))
    settings = few(resample=True, dropout=0.5, points=256)
    chance = draw_chance(8, 2, 600, settings, torch.Generator().manual_seed(0))
    points = draw_points(clouds, chance, settings)
    assert points.shape == (8, 256, 3)
    for drawn, cloud in zip(points, clouds, strict=True):
        assert torch.cdist(drawn, cloud, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max() == 0
        assert 128 <= len(drawn.unique(dim=0)) <= 256
    assert len({len(drawn.unique(dim=0)) for drawn in points}) > 4, "each cloud drops its own share"


def test_a_partial_cloud_lies_on_one_side_of_a_plane_in_the_unit_sphere() -> None:
    sphere = torch.nn.functional.normalize(torch.randn(20, 1000, 3), dim=-1)
    settings = few(partial=0.6, points=256)
    chance = draw_chance(20, 2, 1000, settings, torch.Generator().manual_seed(0))
    points = draw_points(sphere, chance, settings)
    assert torch.allclose(points.norm(dim=-1).amax(1), torch.ones(20), atol=1e-5)
    # A part of a sphere, scaled to fill the unit sphere, lies on a sphere about another centre.
    plane = torch.cat([2 * points, torch.ones(20, 256, 1)], dim=-1)
    fit = torch.linalg.lstsq(plane, points.square().sum(-1, keepdim=True)).solution[:, :3, 0]
    assert fit.norm(dim=-1).max() > 0.4, "the centre of what was cut most has moved far"


def test_training_lowers_the_loss_and_logs_it(stores: Stores, tmp_path: Path) -> None:
    training(examples(stores), few(epochs=40, rotation="none"), tmp_path / "state").run()
    records = [json.loads(line) for line in (tmp_path / "state/metrics.jsonl").read_text().splitlines()]
    assert records[-1]["step"] == 40
    assert records[-1]["loss"] < 0.9 * records[0]["loss"]
    wanted = {
        "step",
        "epoch",
        "loss",
        "learning_rate",
        "objects_per_second",
        "seconds",
        "feature_spread",
        "effective_rank",
    }
    assert set(records[0]) == wanted
    assert list((tmp_path / "state/tensorboard").iterdir())


def test_a_killed_run_ends_exactly_where_an_undisturbed_one_does(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossjepa.pretrain.train.CHECKPOINT_SECONDS", 0.0)
    changes = {"scale": 0.2, "jitter": 0.01, "dropout": 0.3, "resample": True}
    loaded, wanted = examples(stores), few(epochs=4, **changes)
    whole = training(loaded, wanted, tmp_path / "whole").run()

    class KilledError(Exception):
        pass

    class Killed(Training):
        def _epoch(self, epoch: int, progress: object) -> None:
            if epoch == 2:
                raise KilledError
            super()._epoch(epoch, progress)  # type: ignore[arg-type]

    with pytest.raises(KilledError):
        Killed(make_fabric(wanted), loaded, wanted, 0, tmp_path / "cut", "same").run()
    resumed = training(loaded, wanted, tmp_path / "cut")
    assert resumed.first_epoch == 2
    weights = resumed.run().state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in whole.state_dict().items())
    logs = [(tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "cut")]
    losses = [[(r["step"], r["loss"]) for r in map(json.loads, lines)] for lines in logs]
    assert losses[0] == losses[1]


def test_a_checkpoint_of_another_run_is_left_alone(stores: Stores, tmp_path: Path) -> None:
    training(examples(stores), few(), tmp_path, "one").run()
    assert training(examples(stores), few(), tmp_path, "other").first_epoch == 0


def test_a_batch_in_parts_gives_the_same_weights(stores: Stores, tmp_path: Path) -> None:
    loaded = examples(stores)
    whole = training(loaded, few(), tmp_path / "whole").run().state_dict()
    parts = training(loaded, few(accumulate=2), tmp_path / "parts").run().state_dict()
    assert all(torch.allclose(value, parts[name], atol=2e-4) for name, value in whole.items())


def test_processes_that_no_launcher_started_are_missed(stores: Stores, tmp_path: Path) -> None:
    """As under Slurm without srun: the GPUs beside the first would idle without a word."""
    values = {"NTASKS": 1, "PROCID": 0, "LOCALID": 0, "NODEID": 0, "JOB_ID": 1, "JOB_NAME": "snakejob"}
    alone = {f"SLURM_{name}": str(value) for name, value in values.items()}
    command = ["train", "--settings", few().model_dump_json(), "--seed", "0", "--devices", "2"]
    for name, path in stores._asdict().items():
        command += [f"--{name}", str(path)]
    for name in ("state", "encoder", "predictor", "metrics", "snapshots"):
        command += [f"--{name}", str(tmp_path / name)]
    called = subprocess.run(
        [sys.executable, "-m", "crossjepa", "pretrain", *command],
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert called.returncode != 0
    assert "--devices 2 on 1 nodes want 2 processes, but 1 started; under Slurm srun has to" in called.stderr
    assert not (tmp_path / "state").exists()


def test_two_processes_give_the_losses_of_one(stores: Stores, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crossjepa", "pretrain", "train", "--seed", "0"]
    for name, path in stores._asdict().items():
        command += [f"--{name}", str(path)]
    settings = few(epochs=4, jitter=0.01, points=256, snapshots=[3]).model_dump_json()
    losses = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        files = {
            name: str(folder / f"{name}.out") for name in ("encoder", "predictor", "metrics", "snapshots")
        }
        options = [word for name, file in files.items() for word in (f"--{name}", file)]
        subprocess.run(
            [*command, *options, "--settings", settings, "--state", str(folder), "--devices", str(processes)],
            check=True,
            capture_output=True,
            timeout=300,
        )
        records = [json.loads(line) for line in Path(files["metrics"]).read_text().splitlines()]
        losses[processes] = [record["loss"] for record in records]
        assert load_encoder(Path(files["encoder"]))[1]["processes"] == processes
        snapshot = [
            *command[:4],
            "snapshot",
            "--snapshots",
            files["snapshots"],
            "--encoder",
            files["encoder"],
        ]
        subprocess.run([*snapshot, "--epoch", "3"], check=True)
        assert load_encoder(Path(files["encoder"]))[1] == {"seed": 0}
        missing = subprocess.run([*snapshot, "--epoch", "2"], capture_output=True, text=True, check=False)
        assert missing.returncode
        assert "snapshots.out: holds no epoch 2; add it to pretrain.snapshots" in missing.stderr
        snapshot[snapshot.index("--snapshots") + 1] = files["metrics"]
        other = subprocess.run([*snapshot, "--epoch", "3"], capture_output=True, text=True, check=False)
        assert other.returncode
        assert "metrics.out: is not a zip of snapshots; pretrain an encoder first" in other.stderr
    assert len(losses[1]) == 4
    assert losses[1] == pytest.approx(losses[2], rel=1e-4)


def test_snapshots_are_kept_on_the_way(stores: Stores, tmp_path: Path) -> None:
    run = training(examples(stores), few(snapshots=[1, 2]), tmp_path)
    last = run.run().encoder.state_dict()
    kept = [load_encoder(run.snapshot(epoch))[0].state_dict() for epoch in (1, 2)]
    names = ["norm.weight", "embed.out.weight"]
    assert not any(torch.equal(kept[0][name], kept[1][name]) for name in names)
    assert not any(torch.equal(kept[1][name], last[name]) for name in names)


def test_branches_are_left_out_in_training_and_never_afterwards(stores: Stores, tmp_path: Path) -> None:
    loaded, runs = examples(stores), {}
    for rate in (0.0, 0.5):
        run = training(loaded, few(drop_path=rate), tmp_path / str(rate))
        runs[rate] = run.run().state_dict()
        chance = draw_chance(4, 4, 256, run.settings, torch.Generator().manual_seed(0), run.bare.branches)
        batch = draw_batch(loaded, torch.arange(4), chance, run.settings, TINY)
        assert (batch.kept is None) == (rate == 0)
    assert not all(torch.equal(value, runs[0.5][name]) for name, value in runs[0.0].items())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"accumulate": 3},
            "batch_size: a batch of 4 objects cannot be shared out evenly to 1 processes in 3",
        ),
        ({"views_per_step": 6}, "views_per_step: 6, but an object has 4 views only; set it to 4"),
    ],
)
def test_a_step_that_cannot_be_made_is_refused(
    stores: Stores, tmp_path: Path, changes: dict[str, int], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        training(examples(stores), few(**changes), tmp_path)


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


def test_a_predictor_survives_the_disk(stores: Stores, tmp_path: Path) -> None:
    loaded = examples(stores)
    model = build("tiny", 8, 6, "both").eval()
    save_predictor(tmp_path / "predictor.safetensors", model.predictor, model.encoder, loaded)
    imagination = load_imagination(tmp_path / "predictor.safetensors")
    tokens = torch.randn(2, 64, 192)
    pose, colour = imagination.pose.expand(2, -1, -1), imagination.colour.expand(2, 8, -1)
    assert torch.equal(imagination(tokens), model.predictor(tokens, pose, colour).mean(1))
    assert torch.allclose(imagination.pose[:, 1:3], torch.tensor([0.4, 2.5]).expand(8, 2), atol=1e-5)
    assert torch.equal(imagination.mean, loaded.mean)
    with pytest.raises(UserError, match=r"predictor\.safetensors: not an encoder"):
        load_encoder(tmp_path / "predictor.safetensors")


def test_a_file_that_is_no_encoder_is_named(tmp_path: Path) -> None:
    (tmp_path / "encoder.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"encoder\.safetensors: not an encoder"):
        load_encoder(tmp_path / "encoder.safetensors")


def test_half_a_log_line_of_a_killed_run_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    TrainingLog(tmp_path, resume_step=2).close()
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n'
