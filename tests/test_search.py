"""Searching an index by a mesh, a photo or words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from small_encoder import knob, save_small_encoder
from transformers import BertTokenizerFast, CLIPConfig, CLIPModel
from typer.testing import CliRunner

import crossjepa
from crossjepa.cli import typer
from crossjepa.commands.index import index as index_command
from crossjepa.commands.search import search as search_command
from crossjepa.errors import UserError
from crossjepa.files import write_json
from crossjepa.inference.photo import embed_photo, find_object, frame, read_photo
from crossjepa.inference.teacher import find_teacher
from crossjepa.search import search as searching
from crossjepa.search.index import read_index
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.teacher.weights import fetch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "photo", "of", "chair"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run with a small CLIP as its teacher: encoder, predictor and the teacher's weights."""
    folder, given = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    size = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    words = {**size, "vocab_size": len(WORDS), "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    vision = {**size, "image_size": 56, "patch_size": 14}
    CLIPModel(CLIPConfig(text_config=words, vision_config=vision, projection_dim=16)).save_pretrained(given)
    write_json(given / "preprocessor_config.json", {"image_mean": [0.5] * 3, "image_std": [0.3] * 3})
    (given / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(given / "vocab.txt")).save_pretrained(given)
    settings = TeacherSettings(name="a/clip", layer=2, path=str(given), precision="fp32")
    fetch(settings, folder / "weights/clip", 56)
    digest = json.loads((folder / "weights/clip/teacher.json").read_text())["sha256"]
    teacher = {
        "name": "a/clip",
        "layer": 2,
        "precision": "fp32",
        "sha256": digest,
        "render": {"image_size": 56},
    }
    save_small_encoder(folder / "encoders/trained/0", teacher=teacher)
    return folder


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meshes")
    for number in range(8):
        mesh = knob()
        mesh.apply_scale((1, 1 + number / 5, 3 - number / 3))
        mesh.export(folder / f"{number}.ply")
    (folder / "torn.glb").write_bytes(b"glTF")
    return folder


def call(command: Any, *arguments: object) -> str:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False).stdout


@pytest.fixture(scope="module")
def index(results: Path, meshes: Path) -> Path:
    path = meshes.parent / "my.index"
    printed = call(index_command, meshes, "-o", path, "--encoder", results)
    assert "torn.glb: the GLB is cut short" in printed
    assert "8 objects, 1 set aside" in printed
    return path


def test_an_object_finds_itself_and_a_turned_copy_its_origin(
    index: Path, meshes: Path, tmp_path: Path
) -> None:
    copy = trimesh.load(meshes / "5.ply", force="mesh")
    copy.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (0, 1, 0)))
    copy.apply_scale(20)
    copy.export(tmp_path / "copy.obj")
    for query in (meshes / "5.ply", tmp_path / "copy.obj"):
        told = json.loads(call(search_command, index, query, "-k", 3, "--json"))
        assert told["kind"] == "object"
        assert Path(told["hits"][0]["path"]).name == "5.ply"
        assert len(told["hits"]) == 3
        assert told["hits"][0]["score"] > 0.99
        scores = [hit["score"] for hit in told["hits"]]
        assert scores == sorted(scores, reverse=True)


def test_the_page_has_a_picture_of_each_hit_and_requests_nothing(
    index: Path, meshes: Path, tmp_path: Path
) -> None:
    printed = call(search_command, index, meshes / "5.ply", "-k", 4, "--html", tmp_path / "page.html")
    assert printed.count(".ply") == 4
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/webp;base64,") == 5
    assert "http" not in page.replace('http-equiv="Content', "")


def test_search_compares_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    monkeypatch.setattr(searching, "ROWS", 7)
    found = searching.similarities(unit, 3 * vectors[[20, 4]])
    assert np.allclose(found, (unit @ unit[[20, 4]].T).max(axis=1), atol=1e-6)
    assert np.allclose(searching.distances(vectors, vectors[9]), np.linalg.norm(vectors - vectors[9], axis=1))


def test_an_index_of_another_encoder_is_refused(index: Path, meshes: Path, tmp_path: Path) -> None:
    other = save_small_encoder(tmp_path / "other", seed=1)
    with pytest.raises(
        UserError, match=r"my\.index: was made with another encoder \(.*results.*\); give that one"
    ):
        call(search_command, index, meshes / "5.ply", "--encoder", other)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("nowhere.glb", r"nowhere\.glb: no such file"),
        ("nowhere.jpg", r"nowhere\.jpg: no such file"),
        ("{folder}/torn.glb", "torn.glb: the GLB is cut short"),
        ("{folder}/text.jpg", r"text\.jpg: not a picture that can be read .*; give a JPEG or PNG file"),
        ("{folder}", "no mesh, point cloud or picture .*; give one of these"),
    ],
)
def test_a_query_that_cannot_be_read_is_told(index: Path, meshes: Path, query: str, message: str) -> None:
    (meshes.parent / "text.jpg").write_text("no picture")
    given = query.format(folder=meshes.parent if "text" in query else meshes)
    with pytest.raises(UserError, match=message):
        call(search_command, index, given)


def test_what_is_no_index_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.index").write_text("no index")
    with pytest.raises(UserError, match=r"bad\.index: not an index .*; make one with `crossjepa index`"):
        read_index(tmp_path / "bad.index")
    with pytest.raises(UserError, match=r"none: no such file; make it with `crossjepa index FOLDER -o"):
        read_index(tmp_path / "none")


def test_a_photo_is_seen_by_the_teacher_of_the_encoder(
    results: Path, index: Path, meshes: Path, tmp_path: Path
) -> None:
    """The hit is the object whose imagined embedding is nearest to the teacher's embedding of the cut-out."""
    pixels = np.full((90, 120, 3), (200, 210, 190), dtype=np.uint8)
    pixels[20:70, 30:80] = (150, 40, 20)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    encoder = crossjepa.load(results)
    teacher = Teacher(*find_teacher(encoder.provenance, encoder.folder))
    cut = frame(pixels, (pixels == (150, 40, 20)).all(axis=2), 56)
    embedding = (
        teacher.embed(cut[None])[0] - encoder.imagination.mean.numpy()
    ) / encoder.imagination.std.numpy()
    assert np.allclose(embed_photo(tmp_path / "photo.png", encoder), embedding, atol=1e-5)
    imagined = encoder.encode(meshes, features="imagined", errors="skip").values[:8]
    nearest = np.linalg.norm(imagined - embedding, axis=1).argsort()
    told = json.loads(call(search_command, index, tmp_path / "photo.png", "--json"))
    assert (told["kind"], told["measure"]) == ("photo", "distance")
    assert [Path(hit["path"]).stem for hit in told["hits"]] == [str(row) for row in nearest]
    matches = encoder.match(tmp_path / "photo.png", meshes)
    assert [Path(match.name).stem for match in matches] == [str(row) for row in nearest]


def test_an_object_is_cut_out_by_transparency_a_plain_background_or_the_teacher(results: Path) -> None:
    encoder = crossjepa.load(results)
    teacher = Teacher(*find_teacher(encoder.provenance, encoder.folder))
    mask = np.zeros((100, 140), dtype=bool)
    mask[30:70, 40:90] = True
    colours = np.random.default_rng(0).integers(0, 255, size=(100, 140, 3)).astype(np.uint8)
    transparent = Image.fromarray(np.dstack([colours, np.where(mask, 255, 0).astype(np.uint8)]))
    assert np.array_equal(find_object(read_photo(transparent), teacher), mask)
    plain = np.where(mask[..., None], (10, 200, 30), (250, 250, 244)).astype(np.uint8)
    assert np.array_equal(find_object(read_photo(plain), teacher), mask)
    striped = np.where(mask[..., None], (250, 30, 30), 40 + 60 * (np.arange(100) // 4 % 2)[:, None, None])
    found = find_object(read_photo(striped.astype(np.uint8)), teacher)
    assert found.shape == mask.shape
    assert 0 < found.mean() < 1


def test_a_cut_out_fills_its_picture_as_a_rendered_view_does() -> None:
    pixels = np.full((200, 300, 3), 90, dtype=np.uint8)
    y, x = np.mgrid[:200, :300]
    disc = np.hypot(y - 50, x - 240) <= 40
    view = frame(pixels, disc, 128)
    seen = (view < 200).all(axis=2)
    rows, columns = np.nonzero(seen)
    assert view.shape == (128, 128, 3)
    assert abs(seen.mean() - np.pi / 4 / 1.02**2) < 0.03
    assert abs(rows.mean() - 63.5) < 1
    assert abs(columns.mean() - 63.5) < 1


def test_words_are_compared_as_clip_does(results: Path, index: Path) -> None:
    clip = CLIPModel.from_pretrained(results / "weights/clip").eval()
    encoder, known = crossjepa.load(results), read_index(index)
    raw = torch.from_numpy(known.imagined) * encoder.imagination.std + encoder.imagination.mean
    tokens = BertTokenizerFast.from_pretrained(results / "weights/clip")(
        "a photo of a chair", return_tensors="pt"
    )
    with torch.no_grad():
        images = clip.visual_projection(clip.vision_model.post_layernorm(raw))
        words = clip.get_text_features(**tokens)
        words = getattr(words, "pooler_output", words)
        expected = torch.cosine_similarity(images, words).numpy()
    told = json.loads(call(search_command, index, "chair", "--json"))
    assert told["kind"] == "words"
    assert np.allclose([hit["score"] for hit in told["hits"]], np.sort(expected)[::-1], atol=1e-5)


def test_words_need_a_teacher_that_knows_them(results: Path, index: Path) -> None:
    encoder = crossjepa.load(results)
    encoder.provenance["teacher"]["layer"] = 1
    with pytest.raises(
        UserError, match="a/clip after block 1, knows no words; search by a mesh, a cloud or a photo"
    ):
        searching.search(read_index(index), encoder, "chair", 3)


def test_without_a_predictor_only_objects_are_queries(results: Path, meshes: Path, tmp_path: Path) -> None:
    alone = tmp_path / "encoder.safetensors"
    alone.write_bytes((results / "encoders/trained/0/encoder.safetensors").read_bytes())
    call(index_command, meshes, "-o", tmp_path / "alone.index", "--encoder", alone)
    assert "1.000" in call(search_command, tmp_path / "alone.index", meshes / "2.ply")
    with pytest.raises(
        UserError, match="chair: without the encoder's predictor, an index can be searched by meshes"
    ):
        call(search_command, tmp_path / "alone.index", "chair")


def test_another_teacher_than_the_encoder_s_is_refused(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = crossjepa.load(results)
    monkeypatch.setattr("crossjepa.inference.teacher.HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    described = encoder.provenance["teacher"]
    with pytest.raises(
        UserError, match=r"could not be fetched .*'a/clip' could not be loaded.*copy .* from a machine"
    ):
        find_teacher({"teacher": {**described, "sha256": "0" * 64}}, encoder.folder)
    folder = tmp_path / "crossjepa/a--clip-0000000000"
    folder.mkdir(parents=True)
    write_json(folder / "teacher.json", {"sha256": "1" * 64})
    with pytest.raises(UserError, match="another teacher than the one that the encoder learned from"):
        find_teacher({"teacher": {**described, "sha256": "0" * 64}}, encoder.folder)
    with pytest.raises(UserError, match="does not say which teacher it learned from; pretrain it again"):
        find_teacher({}, None)
