"""What differs on a GPU, compared with the processor: `pytest -m gpu`.

CROSSJEPA_TEST_DEVICE=cpu tries the tests themselves where there is no GPU.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from small_encoder import knob, save_small_encoder
from transformers import Dinov2Config, Dinov2Model

import crossjepa
from crossjepa.artifact import load_encoder, save_encoder
from crossjepa.devices import find_device, resolve_precision
from crossjepa.fabric import make_fabric
from crossjepa.features.extract import describe_with, extract
from crossjepa.inference.encoder import Encoder
from crossjepa.model.frames import normalise
from crossjepa.model.grouping import group, take
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.sizes import build
from crossjepa.pretrain.augment import Draws, draw
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.train import Training
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings

sys.path.append(str(Path(__file__).parent.parent / "bench"))
from synthetic import COLOURS, examples

pytestmark = pytest.mark.gpu
CPU, DEVICE = torch.device("cpu"), torch.device(os.environ.get("CROSSJEPA_TEST_DEVICE", "cuda"))
OBJECTS, POINTS, VIEWS, TARGET = 12, 256, 4, 8
Losses = list[float]


def few(**changes: Any) -> PretrainSettings:
    values = {"epochs": 3, "batch_size": 4, "views_per_step": 2, "precision": "fp32", "points": POINTS}
    return PretrainSettings(**{**values, **changes})


def training(folder: Path, settings: PretrainSettings, fabric: Fabric | None = None) -> Training:
    shown = examples(OBJECTS, POINTS, VIEWS, TARGET)
    held_out = examples(5, POINTS, VIEWS, TARGET)
    fabric = fabric or make_fabric(settings.precision)
    return Training(fabric, shown, settings, 0, folder, "same", held_out)


def logged(folder: Path, name: str = "loss") -> Losses:
    return [json.loads(line)[name] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def losses(folder: Path, settings: PretrainSettings, fabric: Fabric | None = None) -> Losses:
    training(folder, settings, fabric).run()
    return logged(folder)


@pytest.fixture
def same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random numbers of the processor on every device: generators of a GPU give others."""

    def drawn(*arguments: Any) -> Draws:
        *sizes, generator = arguments
        numbers = draw(*sizes, torch.Generator().manual_seed(generator.initial_seed()))
        return {name: values.to(generator.device) for name, values in numbers.items()}

    monkeypatch.setattr("crossjepa.pretrain.train.draw", drawn)
    monkeypatch.setattr(
        "crossjepa.pretrain.train.epoch_order",
        lambda _, counts, generator: torch.arange(sum(counts), device=generator.device),
    )


def test_the_device_is_found_and_multiplies_bf16_natively() -> None:
    assert find_device().type == make_fabric().device.type == DEVICE.type
    if DEVICE.type == "cuda":
        assert resolve_precision("auto") == "bf16"


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("bf16", 0.999)])
def test_the_teacher_embeds_as_on_the_processor(
    precision: Any, least: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3}
    torch.manual_seed(0)
    Dinov2Model(Dinov2Config(image_size=56, patch_size=14, **sizes)).save_pretrained(tmp_path)
    normalisation = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(normalisation))
    views = np.random.default_rng(0).integers(0, 256, (300, 84, 84, 3), dtype=np.uint8)
    settings = {"name": "mine", "layer": 3}
    teacher = Teacher(tmp_path, TeacherSettings(precision=precision, **settings))
    assert teacher.device.type == DEVICE.type
    done: list[int] = []
    embedded = teacher.embed(views, done.append)
    assert sum(done) == 300
    monkeypatch.setattr("crossjepa.teacher.embed.find_device", lambda: CPU)
    expected = Teacher(tmp_path, TeacherSettings(precision="fp32", **settings)).embed(views)
    one, other = embedded.astype(float), expected.astype(float)
    cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosine.min() > least


def test_clouds_are_cut_into_the_same_patches() -> None:
    clouds = normalise(torch.randn(64, 1024, 3, generator=torch.Generator().manual_seed(0)))[0]
    (centres, members), (expected, neighbours) = group(clouds.to(DEVICE), 64, 32), group(clouds, 64, 32)
    assert torch.equal(centres.cpu(), expected)
    places = take(clouds, expected).unsqueeze(2)
    distances = [(take(clouds, found) - places).norm(dim=-1) for found in (members.cpu(), neighbours)]
    assert torch.allclose(*distances, atol=1e-6)


@pytest.mark.usefixtures("same_draws")
@pytest.mark.parametrize("partial", [0.0, 0.5])
def test_a_step_is_that_of_the_processor(tmp_path: Path, partial: float) -> None:
    settings = few(partial=partial)
    expected = losses(tmp_path / "cpu", settings, Fabric(accelerator="cpu", devices=1))
    assert losses(tmp_path / "gpu", settings) == pytest.approx(expected, rel=2e-3)
    explained = [logged(tmp_path / name, "unseen_explained") for name in ("cpu", "gpu")]
    assert explained[1] == pytest.approx(explained[0], abs=0.02)
    encoder = training(tmp_path / "gpu", settings).run().encoder  # resumed at its end
    save_encoder(tmp_path / "encoder.safetensors", encoder, {})
    loaded, _ = load_encoder(tmp_path / "encoder.safetensors")
    clouds = normalise(torch.randn(3, POINTS, 3))[0]
    features = encoder.eval().features(clouds.to(DEVICE)).cpu()
    assert torch.allclose(features, loaded.features(clouds), atol=1e-3)


@pytest.mark.usefixtures("same_draws")
def test_training_in_bf16_is_close_to_fp32(tmp_path: Path) -> None:
    expected = losses(tmp_path / "fp32", few())
    assert losses(tmp_path / "bf16", few(precision="bf16")) == pytest.approx(expected, rel=0.03)


def test_a_compiled_run_is_that_of_an_eager_one(tmp_path: Path) -> None:
    expected = losses(tmp_path / "eager", few())
    assert losses(tmp_path / "compiled", few(compile=True)) == pytest.approx(expected, rel=2e-3)


def test_a_killed_run_goes_on_as_an_undisturbed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossjepa.pretrain.train.CHECKPOINT_SECONDS", 0.0)
    settings = few(epochs=4, partial=0.3)
    expected = losses(tmp_path / "whole", settings)

    class Killed(Training):
        def _epoch(self, epoch: int, progress: Any) -> None:
            if epoch == 2:
                raise KeyboardInterrupt
            super()._epoch(epoch, progress)

    shown = examples(OBJECTS, POINTS, VIEWS, TARGET)
    with pytest.raises(KeyboardInterrupt):
        Killed(make_fabric(), shown, settings, 0, tmp_path / "cut", "same").run()
    resumed = training(tmp_path / "cut", settings)
    assert resumed.first_epoch == 2
    states = resumed.optimizer.state_dict()["state"].values()
    assert {state["exp_avg"].device.type for state in states} == {DEVICE.type}
    resumed.run()
    assert logged(tmp_path / "cut") == pytest.approx(expected, rel=2e-3)


def test_a_run_is_the_same_wherever_examples_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for home in (DEVICE, CPU):
        monkeypatch.setattr("crossjepa.pretrain.train._home", lambda *_, home=home: home)
        run = training(tmp_path / home.type, few(partial=0.3))
        assert run.examples.clouds.device.type == home.type
        run.run()
        found[home.type] = logged(tmp_path / home.type)
    assert found["cpu"] == pytest.approx(found[DEVICE.type], rel=2e-3)


@pytest.mark.parametrize("partial", [0.0, 0.5])
def test_no_step_makes_the_host_wait(tmp_path: Path, partial: float) -> None:
    run = training(tmp_path, few(partial=partial, precision="auto"))
    generator = torch.Generator(DEVICE).manual_seed(0)
    rows = torch.arange(4, device=DEVICE)
    run.step(rows, generator, 1e-3)  # the first one allocates
    if DEVICE.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        run.step(rows, generator, 1e-3)
    finally:
        if DEVICE.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")


def networks() -> tuple[Any, Imagination]:
    torch.manual_seed(0)
    model = build("tiny", TARGET, COLOURS, "both").eval()
    mean, std = torch.zeros(TARGET), torch.ones(TARGET)
    return model.encoder, Imagination(model.predictor, ring(0.4, 2.5), torch.rand(COLOURS), mean, std)


def test_features_are_those_of_the_processor() -> None:
    clouds, ids = examples(40, POINTS, VIEWS, TARGET).clouds, [str(i) for i in range(40)]
    found, expected = (
        extract(clouds, ids, 0, describe_with(*networks(), device), device.type) for device in (DEVICE, CPU)
    )
    for name, values in expected.items():
        assert np.allclose(found[name], values, atol=2e-3), name


ENCODINGS: dict[str, Callable[[Encoder, torch.device], Any]] = {
    "both": lambda encoder, device: encoder.encode(knob(), features="both", device=device),
    "patches": lambda encoder, device: encoder.encode(knob(), features="patches", device=device).tokens,
    "imagine": lambda encoder, device: encoder.imagine(knob(), [[0.3, 0.4, 2.5]], device=device),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_vectors_are_those_of_the_processor(tmp_path: Path, name: str) -> None:
    encoder = crossjepa.load(save_small_encoder(tmp_path))
    found, expected = (ENCODINGS[name](encoder, device) for device in (DEVICE, CPU))
    assert np.allclose(found, expected, atol=2e-3)
