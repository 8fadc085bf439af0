"""Pretraining: it learns, it resumes exactly, it never sees a test object."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import torch

from crossjepa.artifact import load_encoder, load_imagination, save_encoder, save_predictor
from crossjepa.devices import resolve_precision
from crossjepa.errors import UserError
from crossjepa.fabric import make_fabric
from crossjepa.files import sha256_file
from crossjepa.model.frames import move_cameras, normalise
from crossjepa.model.grouping import group, patches
from crossjepa.model.predictor import pose_features
from crossjepa.model.sizes import SIZES, build
from crossjepa.pretrain.augment import cut_clouds, draw, transform
from crossjepa.pretrain.batch import epoch_counts, epoch_order, make_batch
from crossjepa.pretrain.examples import Examples, Stores, _moments, load_examples, load_held_out
from crossjepa.pretrain.log import TrainingLog
from crossjepa.pretrain.measures import effective_rank, feature_spread
from crossjepa.pretrain.optimise import LOSSES, learning_rate, make_optimizer
from crossjepa.pretrain.run import imagine_training_views, pretrain
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.start import find_start
from crossjepa.pretrain.train import Training
from crossjepa.store import sharded
from crossjepa.store.points import read_points
from crossjepa.store.reading import read_array
from crossjepa.store.seal import seal

CPU = torch.device("cpu")
TINY = SIZES["tiny"].encoder
IDS = [f"object-{i}" for i in range(10)]


# What stores say of how they were made.
TEACHER = {
    "teacher": {"name": "some/teacher", "layer": 11},
    "weights": {"sha256": "1" * 64},
    "render": {"views": 4},
}
MADE = {"source": {"kind": "folder", "up": "z"}, "settings": {"points": 300, "seed": 5}, **TEACHER}


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """A catalog with three test objects, and sealed stores in which one object was set aside."""
    rng = np.random.default_rng(0)
    splits = ["train"] * 4 + ["test"] * 3 + ["pretrain"] * 3
    table = {"id": IDS, "split": splits, "status": "ok", "sha256": "0" * 64}
    table |= {"source": "mine", "licence": "CC0", "creator": ["Bo", "", "al", "Bo", *"uvwxyz"]}
    pd.DataFrame(table).to_parquet(tmp_path / "catalog.parquet")
    layout = sharded.Layout(objects=10, shards=2, chunk=4)
    arrays = {
        "points": {"xyz": (rng.normal(size=(10, 300, 3)) ** 2 / 20).astype("float32")},
        "targets": {
            "embedding": rng.normal(2.0, 3.0, size=(10, 4, 8)).astype("float16"),
            "pose": np.tile(np.array([0.5, 0.4, 2.5, 0, 1, 0], dtype="float32"), (10, 4, 1)),
            "colour": rng.random(size=(10, 4, 6)).astype("float32"),
        },
    }
    for name, content in arrays.items():
        specs = {k: sharded.ArraySpec(v.shape[1:], str(v.dtype)) for k, v in content.items()}
        sharded.create(tmp_path / name, layout, specs, MADE)
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
    return Training(make_fabric(settings.precision), examples, settings, seed, folder, fingerprint)


def few(**changes: object) -> PretrainSettings:
    values = {"epochs": 3, "batch_size": 4, "views_per_step": 2, "precision": "fp32", "warmup": 0.0}
    values |= {"rotated": 1.0, "scale": 0.0, "jitter": 0.0, "weight_decay": 0.05, "points": 256}
    return PretrainSettings(**{**values, **changes})  # type: ignore[arg-type]


def test_no_test_object_and_none_set_aside_is_learned(stores: Stores) -> None:
    assert examples(stores).ids == [f"object-{i}" for i in (0, 1, 2, 3, 7, 9)]


def test_targets_are_standardised_and_belong_to_their_objects(stores: Stores) -> None:
    loaded = examples(stores)
    targets = loaded.targets(loaded.views)
    assert torch.allclose(targets.mean((0, 1)), torch.zeros(8), atol=1e-5)
    assert torch.allclose(targets.std((0, 1)), torch.ones(8), atol=1e-4)
    raw = torch.from_numpy(read_array(stores.targets, "embedding")).float()[[0, 1, 2, 3, 7, 9]]
    assert torch.allclose(targets * loaded.std + loaded.mean, raw, atol=1e-3)


@pytest.mark.parametrize("width", [8, 100, 384])
def test_moments_of_some_columns_at_a_time_are_those_of_all_to_the_bit(width: int) -> None:
    embedding = torch.randn(3000, width, generator=torch.Generator().manual_seed(0)).mul_(3).add_(2).half()
    mean, std = _moments(embedding)
    assert torch.equal(mean, embedding.float().mean(0))
    assert torch.equal(std, embedding.float().std(0))


def test_examples_are_to_the_bit_what_converting_everything_at_once_gives(stores: Stores) -> None:
    kept = [0, 1, 2, 3, 7, 9]
    whole = torch.from_numpy(read_array(stores.targets, "embedding"))[kept * 2].flatten(0, 1).float()
    mean, std = whole.mean(0), whole.std(0)
    loaded = load_examples([stores, stores], points=256)
    assert torch.equal(loaded.targets(torch.arange(48)), (whole - mean) / std)
    clouds = normalise(torch.from_numpy(read_points(stores.points, "xyz", 256))[kept * 2])[0]
    assert torch.equal(loaded.clouds, clouds)
    loaded.cut(TINY, CPU)
    assert loaded.members is not None
    assert torch.equal(loaded.members.long(), group(clouds, TINY.groups, TINY.group_size)[1])
    assert {loaded.embedding.dtype, loaded.members.dtype} == {torch.float16, torch.int16}


def test_unseen_objects_are_measured_and_never_learned(stores: Stores, tmp_path: Path) -> None:
    learned = examples(stores)
    held_out = load_held_out([stores], 256, learned)
    assert held_out is not None
    assert held_out.ids == ["object-4", "object-5", "object-6"]
    raw = torch.from_numpy(read_array(stores.targets, "embedding")).float()[[4, 5, 6]]
    assert torch.allclose(held_out.targets(held_out.views) * learned.std + learned.mean, raw, atol=1e-3)
    alone = training(learned, few(), tmp_path / "alone").run().state_dict()
    run = Training(make_fabric(), learned, few(), 0, tmp_path / "watched", "same", held_out)
    watched = run.run()
    assert all(torch.equal(value, alone[name]) for name, value in watched.state_dict().items())
    records = [json.loads(line) for line in (tmp_path / "watched/metrics.jsonl").read_text().splitlines()]
    watched.eval()
    cut = patches(held_out.clouds, *group(held_out.clouds, 64, 32))
    with torch.no_grad():
        views = held_out.views
        predicted, _ = watched(*cut, held_out.pose[views], held_out.colour[views])
    targets = held_out.targets(views)
    variance, spread = targets.flatten(0, 1).var(0, correction=0), targets.flatten(0, 1).std(0)
    missed = ((predicted - targets) / spread).square().mean((0, 1))
    expected = 1 - missed.sum() / (variance / spread**2).sum()
    assert records[-1]["unseen_explained"] == pytest.approx(float(expected), abs=1e-5)


def test_targets_may_stay_as_the_teacher_gave_them(stores: Stores, tmp_path: Path) -> None:
    raw = load_examples([stores], points=256, standardise=False)
    assert torch.equal(raw.targets(raw.views), raw.embedding[raw.views].float())
    held_out = load_held_out([stores], 256, raw)
    assert held_out is not None
    Training(make_fabric(), raw, few(), 0, tmp_path, "same", held_out).run()
    explained = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["unseen_explained"]
    assert -1 < explained < 1, "measured from the mean of the targets, not from zero"


def test_every_loss_setting_has_its_function() -> None:
    assert set(LOSSES) == set(get_args(PretrainSettings.model_fields["loss"].annotation))


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


def test_shuffling_gives_an_objects_embeddings_and_colours_together_to_another(stores: Stores) -> None:
    plain, shuffled = examples(stores), examples(stores, shuffle_seed=1)
    assert torch.equal(plain.clouds, shuffled.clouds)
    assert torch.equal(plain.pose, shuffled.pose)
    pairs = [torch.cat([e.targets(e.views), e.colour[e.views]], dim=2).flatten(1) for e in (plain, shuffled)]
    order = torch.cdist(pairs[1], pairs[0]).argmin(1)
    assert torch.allclose(pairs[1], pairs[0][order], atol=1e-4), (
        "a view's embedding and colours belong together"
    )
    assert sorted(order.tolist()) == list(range(6))
    assert order.tolist() != list(range(6))


def test_cameras_are_moved_into_the_frame_of_their_cloud(stores: Stores) -> None:
    loaded = examples(stores)
    kept = [0, 1, 2, 3, 7, 9]
    clouds, centre, radius = normalise(torch.from_numpy(read_points(stores.points, "xyz", 256))[kept])
    assert centre.norm(dim=1).min() > 0.01, "lopsided"
    assert torch.allclose(loaded.clouds, clouds, atol=1e-6)
    pose = torch.from_numpy(read_array(stores.targets, "pose"))[kept]
    assert torch.allclose(loaded.pose[loaded.views], move_cameras(pose, centre, radius), atol=1e-6)
    with pytest.raises(UserError, match=r"have 300 points, fewer than 512"):
        read_points(stores.points, "xyz", 512)


def test_data_sets_of_different_view_counts_are_learned_together(stores: Stores) -> None:
    one = examples(stores)
    both = load_examples([stores, stores], points=256)
    assert both.sizes == [6, 6]
    assert both.ids == one.ids * 2
    raw = [e.targets(e.views[-6:]) * e.std + e.mean for e in (both, one)]
    assert torch.allclose(*raw, atol=1e-3)
    both.views[:6, 2:] = -1  # as if the first set had two views only
    draws = draw(12, 4, 12, few(), torch.Generator().manual_seed(0))
    both.cut(TINY, CPU)
    batch = make_batch(both, torch.arange(12), draws, few(), TINY)
    first_two = both.targets(both.views[:6, :2])
    assert torch.equal(batch.targets[:6].sum(1), first_two.sum(1)), "padding is never drawn"


def test_weights_say_how_often_an_epoch_shows_an_object() -> None:
    sizes, shown = [10, 6, 8], [10, 15, 2]
    assert epoch_counts(sizes, [1.0, 2.5, 0.25]) == shown
    order = epoch_order(sizes, shown, torch.Generator().manual_seed(0))
    counts = torch.bincount(order, minlength=24)
    assert counts[:10].tolist() == [1] * 10
    assert sorted(counts[10:16].tolist()) == [2, 2, 2, 3, 3, 3]
    assert sorted(counts[16:].tolist()) == [0] * 6 + [1] * 2
    assert not torch.equal(order, epoch_order(sizes, shown, torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("kind", ["up", "so3"])
def test_a_batch_turns_clouds_and_cameras_together(stores: Stores, kind: str) -> None:
    loaded = examples(stores)
    loaded.cut(TINY, CPU)
    chosen, turning = torch.arange(6), few(rotation=kind)
    draws = draw(6, 4, 12, turning, torch.Generator().manual_seed(3))
    turned = make_batch(loaded, chosen, draws, turning, TINY)
    plain = make_batch(loaded, chosen, draws, few(rotation="none"), TINY)
    assert not torch.allclose(turned.centres, plain.centres, atol=1e-2)
    along = [
        torch.einsum("bgc,bvc->bgv", batch.centres, pose_features(batch.pose)[..., :3])
        for batch in (plain, turned)
    ]
    assert torch.allclose(*along, atol=1e-4)
    assert torch.equal(turned.targets, plain.targets)


def test_a_share_of_the_objects_stays_as_it_stands() -> None:
    clouds, pose = normalise(torch.randn(400, 32, 3))[0], torch.rand(400, 2, 6)
    settings = few(rotated=0.25)
    draws = draw(400, 2, 12, settings, torch.Generator().manual_seed(0))
    points, _ = transform(clouds, pose, draws, settings)
    moved = ~torch.isclose(points, clouds, atol=1e-5).all(-1).all(-1)
    assert 0.18 < moved.float().mean() < 0.32


def test_scaling_moves_cameras_with_the_cloud_and_jitter_stays_small() -> None:
    clouds, pose = normalise(torch.randn(50, 300, 3))[0], torch.rand(50, 2, 6) + 2
    settings = few(rotation="none", scale=0.3, jitter=0.01, points=300)
    draws = draw(50, 2, 12, settings, torch.Generator().manual_seed(0))
    points, cameras = transform(clouds, pose, draws, settings)
    sizes = cameras[:, 0, 2] / pose[:, 0, 2]
    assert 0.7 <= sizes.min() < 0.8
    assert 1.2 < sizes.max() <= 1.3
    noise = points - clouds * sizes[:, None, None]
    assert noise.abs().max() <= 0.03 + 1e-5
    assert noise.std() == pytest.approx(0.01, rel=0.05)
    assert torch.equal(cameras[..., 3:], pose[..., 3:])


def test_a_partial_cloud_lies_on_one_side_of_a_plane_in_the_unit_sphere() -> None:
    sphere = torch.nn.functional.normalize(torch.randn(20, 256, 3), dim=-1)
    settings = few(partial=0.6, points=256)
    draws = draw(20, 2, 12, settings, torch.Generator().manual_seed(0))
    points = cut_clouds(sphere, draws, settings.partial)
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
    changes = {"scale": 0.2, "jitter": 0.01, "partial": 0.3}
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
        Killed(make_fabric(), loaded, wanted, 0, tmp_path / "cut", "same").run()
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"accumulate": 3},
            "batch_size: a batch of 4 objects cannot be divided evenly among 1 processes in 3",
        ),
        (
            {"datasets": [{"name": "furniture", "weight": 0.0001}]},
            "a weight of 0.0001 shows none of the 6 objects of furniture; raise it to at least 0.17",
        ),
        ({"views_per_step": 6}, "views_per_step: 6, but an object has only 4 views; set it to at most 4"),
    ],
)
def test_a_step_that_cannot_be_made_is_refused(
    stores: Stores, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        training(examples(stores), few(**changes), tmp_path)


def test_random_numbers_come_from_the_compute_device_wherever_examples_lie(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU without room for the examples; another device stands for the host's memory."""
    monkeypatch.setattr("crossjepa.pretrain.train._home", lambda *_: torch.device("meta"))
    devices = set()

    class Recorded(Training):
        def step(self, rows: torch.Tensor, generator: torch.Generator, *_: float) -> Any:
            devices.update({rows.device.type, generator.device.type})
            return torch.zeros(()), torch.rand(len(rows), 4)

    run = Recorded(make_fabric(), examples(stores), few(epochs=1), 0, tmp_path, "same")
    run.run()
    assert run.examples.clouds.device.type == "meta"
    assert devices == {"cpu"}


def test_clouds_are_cut_on_the_compute_device_and_held_out_ones_by_the_first_process(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts: list[tuple[int, torch.device]] = []
    monkeypatch.setattr(Examples, "cut", lambda self, _, device: cuts.append((len(self.ids), device)))
    learned = examples(stores)
    held_out = load_held_out([stores], 256, learned)
    for first in (True, False):
        run = object.__new__(Training)
        run.settings = few()
        run.fabric = SimpleNamespace(device=CPU, is_global_zero=first)  # type: ignore[assignment]
        run._place(learned, held_out)
        assert (run.held_out is not None) == first
    assert cuts == [(6, CPU), (3, CPU), (6, CPU)]


def test_branches_are_skipped_at_the_wanted_rate_and_keep_the_mean(stores: Stores) -> None:
    loaded, settings = examples(stores), few(drop_path=0.2)
    rows = torch.arange(6).repeat(100)
    draws = draw(600, 4, 12, settings, torch.Generator().manual_seed(0))
    loaded.cut(TINY, CPU)
    scales = make_batch(loaded, rows, draws, settings, TINY).scales
    assert scales is not None
    assert sorted(scales.unique().tolist()) == pytest.approx([0, 1.25])
    assert scales.mean() == pytest.approx(1, abs=0.02)
    draws = draw(6, 4, 12, few(drop_path=0.0), torch.Generator().manual_seed(0))
    assert make_batch(loaded, rows[:6], draws, few(drop_path=0.0), TINY).scales is None


def test_biases_norms_and_tokens_do_not_decay() -> None:
    model = build("tiny", 8, 6, "both")
    decayed, kept = make_optimizer(model, few()).param_groups
    assert kept["weight_decay"] == 0
    assert decayed["weight_decay"] == few().weight_decay
    names = {id(p): name for name, p in model.named_parameters()}
    assert all(names[id(p)].endswith("weight") and "norm" not in names[id(p)] for p in decayed["params"])
    assert "predictor.query" in {names[id(p)] for p in kept["params"]}


def test_the_learning_rate_rises_then_falls() -> None:
    settings = few(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
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
    points = normalise(torch.randn(2, 128, 3))[0]
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


def test_a_predictor_survives_the_disk(stores: Stores, tmp_path: Path) -> None:
    loaded, file = examples(stores), tmp_path / "predictor.safetensors"
    model = build("tiny", 8, 6, "both").eval()
    save_predictor(file, imagine_training_views(model.predictor, loaded), model.encoder.config.dim)
    imagination = load_imagination(file)
    tokens = torch.randn(2, 64, 192)
    pose, colour = imagination.pose.expand(2, -1, -1), imagination.colour.expand(2, 8, -1)
    assert torch.equal(imagination(tokens), model.predictor(tokens, pose, colour).mean(1))
    mean = loaded.pose[:, 1:3].mean(0)
    assert torch.allclose(imagination.pose[:, 1:3], mean.expand(8, 2), atol=1e-5)
    assert torch.equal(imagination.mean, loaded.mean)
    with pytest.raises(UserError, match=r"predictor\.safetensors: not an encoder"):
        load_encoder(file)


def test_an_encoder_loads_with_torch_numpy_and_safetensors_alone(tmp_path: Path) -> None:
    save_encoder(tmp_path / "encoder.safetensors", build("tiny", 8, 6, "both").encoder, {"seed": 3})
    script = """
import sys
for name in ("pydantic", "pandas", "zarr", "lightning_fabric", "yaml", "typer", "tqdm", "scipy", "sklearn"):
    sys.modules[name] = None
from pathlib import Path
import torch
from crossjepa.artifact import load_encoder
from crossjepa.model.frames import normalise
encoder, provenance = load_encoder(Path(sys.argv[1]))
print(tuple(encoder.features(normalise(torch.rand(2, 100, 3))[0]).shape), provenance)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "encoder.safetensors")]
    assert subprocess.check_output(command, text=True) == "(2, 384) {'seed': 3}\n"


@pytest.mark.parametrize(
    ("gpu", "capabilities", "expected"),
    [
        (True, {}, "bf16"),
        (False, {}, "fp32"),
        (None, {"avx512_bf16": True, "amx_bf16": False}, "bf16"),
        (None, {"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        (None, {"avx512_bf16": False, "amx_bf16": False}, "fp32"),
        (None, {}, "fp32"),
    ],
)
def test_auto_is_bf16_where_the_device_has_it(
    monkeypatch: pytest.MonkeyPatch, gpu: bool | None, capabilities: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu is not None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: gpu)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert resolve_precision("auto") == expected
    assert resolve_precision("fp32") == "fp32"
    assert resolve_precision("bf16") == "bf16"


def test_a_finished_run_resumes_and_writes_the_same_encoder(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    determinants: dict[str, Any] = {}
    monkeypatch.setattr(
        "crossjepa.pretrain.run.fingerprint", lambda **given: determinants.update(given) or "mark"
    )
    caplog.set_level("INFO")
    names = ("encoder.safetensors", "predictor.safetensors", "metrics.jsonl")
    written = []
    for _ in range(2):
        pretrain(make_fabric(), few(accumulate=2), [stores], 3, "digest", tmp_path)
        written.append([(tmp_path / name).read_bytes() for name in names])
        for name in names:  # as Snakemake does before it runs a job again
            (tmp_path / name).unlink()
    assert written[0] == written[1]
    assert "resume after epoch 3" in caplog.text
    assert determinants["device"] == "cpu"
    assert determinants["code"] == "digest"
    assert determinants["settings"]["precision"] == "fp32"
    assert "accumulate" not in determinants["settings"]


def test_training_starts_from_an_encoder(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "start/encoder.safetensors"
    start = build("tiny", 8, 6, "both").encoder
    save_encoder(file, start, {"seed": 3})
    settings = few(start_from=str(file), epochs=1, learning_rate=1e-9, weight_decay=0.0)
    pretrain(make_fabric(), settings, [stores], 3, "digest", tmp_path / "out")
    trained, provenance = load_encoder(tmp_path / "out/encoder.safetensors")
    assert all(torch.allclose(v, start.state_dict()[k], atol=1e-6) for k, v in trained.state_dict().items())
    assert provenance["start"] == {"from": str(file), "sha256": sha256_file(file)}
    larger = settings.model_copy(update={"model": "base"})
    with pytest.raises(UserError, match=r"start_from: .* has pretrain\.model: tiny, but this run has base"):
        pretrain(make_fabric(), larger, [stores], 3, "digest", tmp_path / "out")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        UserError, match=r"start_from: nobody/nothing: its encoder\.safetensors could not be downloaded"
    ):
        find_start("nobody/nothing")


def command(stores: Stores, output: Path, devices: str, settings: PretrainSettings) -> list[str]:
    inputs = [f"--input={name}={path}" for name, path in stores._asdict().items()]
    options = [
        "--settings",
        json.dumps({"pretrain": settings.model_dump()}),
        "--devices",
        devices,
        "--seed",
        "0",
    ]
    train = [sys.executable, "-m", "crossjepa", "pretrain", "train"]
    return [*train, *inputs, *options, "--output", str(output)]


def test_processes_that_no_launcher_started_are_missed(stores: Stores, tmp_path: Path) -> None:
    """As under Slurm without srun: all GPUs but the first would silently be idle."""
    values = {"NTASKS": 1, "PROCID": 0, "LOCALID": 0, "NODEID": 0, "JOB_ID": 1, "JOB_NAME": "snakejob"}
    alone = {f"SLURM_{name}": str(value) for name, value in values.items()}
    done = subprocess.run(
        command(stores, tmp_path / "out", "1x2", few()),
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode != 0
    assert "--devices 1x2 needs 2 processes, but 1 started; under Slurm srun has to" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--devices": "2*4"}, "--devices 2*4: must be a number of GPUs, or nodes x GPUs of each"),
        (
            {"--input": f"points={__file__}"},
            "--input: give catalog=, points= and targets= once for each of ['furniture']",
        ),
    ],
)
def test_wrong_options_are_refused(
    stores: Stores, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    called = [*command(stores, tmp_path, "1", few()), *(word for pair in changes.items() for word in pair)]
    done = subprocess.run(called, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert message in done.stderr


def test_two_processes_give_the_losses_of_one(stores: Stores, tmp_path: Path) -> None:
    losses = {}
    for processes in ("1", "2"):
        output = tmp_path / processes
        done = command(stores, output, processes, few(epochs=4, jitter=0.01, points=256))
        subprocess.run(done, check=True, capture_output=True, timeout=300)
        records = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        losses[processes] = [record["loss"] for record in records]
        provenance = load_encoder(output / "encoder.safetensors")[1]
        assert provenance["processes"] == int(processes)
        assert provenance["seen"] == ["0" * 16]
        assert provenance["clouds"] == {"furniture": {"points": 300, "seed": 5, "up": "z"}}
        views, named = {"render": {"views": 4}}, {"dataset": "furniture", "source": "mine", "licence": "CC0"}
        assert provenance["teacher"] == {"name": "some/teacher", "layer": 11, "sha256": "1" * 64, **views}
        assert provenance["sources"] == [{**named, "objects": 6, "creators": ["al", "Bo", "x", "z"]}]
        assert load_imagination(output / "predictor.safetensors").mean.shape == (8,)
        assert (output / "checkpoint/checkpoint.ckpt").is_file()
    assert len(losses["1"]) == 4
    assert losses["1"] == pytest.approx(losses["2"], rel=1e-4)
