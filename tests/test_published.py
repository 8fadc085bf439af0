"""An encoder that is handed on: saved, loaded, on the hub, as ONNX, with a card that says everything."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml
from small_encoder import POINTS, knob, save_small_encoder
from typer.testing import CliRunner

import crossjepa
from crossjepa.artifact import KEY, load_encoder
from crossjepa.cli import typer
from crossjepa.commands.export import export
from crossjepa.errors import UserError

SOURCE = {"dataset": "chairs", "source": "a|library", "licence": "CC-BY-4.0", "objects": 12}
PROVENANCE = {
    "settings": {"points": POINTS, "batch_size": 16},
    "objects": 12,
    "epochs": 3,
    "steps": 30,
    "torch": "2.13.0",
    "commit": "c" * 40,
    "teacher": {"name": "some/teacher", "layer": 11, "sha256": "d" * 64, "render": {"views": 8}},
    "sources": [{**SOURCE, "creators": ["Ann", "Bob"]}],
}
ACCURACY = {"canonical": {"mean": 70.04, "ci95": [60.0, 80.0]}, "zz": None}
RESULT = {
    "dataset": "chairs",
    "seeds": [0, 1],
    "n_classes": 3,
    "n_train": 20,
    "n_test": 10,
    "pretraining": {"saw_test_objects": 0},
    "provenance": {"git": {"commit": "e" * 40, "dirty": True}},
    "accuracy": ACCURACY,
    "gain_over_random": {"canonical": {"mean": 5.5, "ci95": [-1.0, 11.0]}, "zz": None},
    "baselines": {"random_encoder": ACCURACY, "teacher_views": None, "geometry": ACCURACY},
    "cross_validation": None,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run's results."""
    folder = tmp_path_factory.mktemp("results")
    save_small_encoder(folder / "encoders/trained/0", **PROVENANCE)
    (folder / "probe_chairs.json").write_text(json.dumps(RESULT))
    return folder


def test_a_saved_encoder_gives_the_same_vectors(results: Path, tmp_path: Path) -> None:
    encoder = crossjepa.load(results)
    encoder.save(tmp_path / "whole")
    encoder.save(tmp_path / "half", half=True)
    expected = encoder.encode(knob(), features="both")
    whole = crossjepa.Encoder.from_pretrained(tmp_path / "whole")
    assert np.array_equal(whole.encode(knob(), features="both"), expected)
    assert whole.digest == encoder.digest
    assert whole.provenance["sources"] == encoder.provenance["sources"]
    assert whole.card() == encoder.card()
    half = crossjepa.load(tmp_path / "half")
    assert np.abs(half.encode(knob(), features="both") - expected).max() < 0.01
    assert half.digest != encoder.digest
    sizes = [(tmp_path / name / "encoder.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.51 * sizes[0]


def test_the_card_says_everything_and_has_no_placeholder(results: Path) -> None:
    card = crossjepa.load(results).card("Apache-2.0")
    _, head, text = card.split("---\n", 2)
    assert yaml.safe_load(head)["license"] == "apache-2.0"
    for fact in (
        "| chairs | a\\|library | CC-BY-4.0 | 12 | Ann, Bob |",
        "1,941,888 (encoder)",
        "some/teacher, block 11, SHA-256 " + "d" * 64,
        "as the file says (glTF, COLLADA), +Y in all other formats",
        f"{POINTS} of each object",
        "12 objects, 3 epochs, 30 steps of 16, seed 0",
        "commit " + "c" * 40,
        "chairs, one split: 3 classes, 20 training and 10 test objects, of which pretraining saw 0",
        "seeds 0, 1, commit " + "e" * 40 + "-dirty",
        "| pretrained | canonical pose | 70.0 (60.0, 80.0) |",
        "| gain over random weights | canonical pose | 5.5 (-1.0, 11.0) |",
        "The weights are under Apache-2.0.",
    ):
        assert fact in text
    assert not re.search(r"None|unknown|TODO|\[More|\{\w*\}", card)


def test_a_card_without_licences_says_so_and_a_foreign_result_is_told(tmp_path: Path) -> None:
    unknown = [{**SOURCE, "licence": "not stated", "creators": []}]
    encoder = crossjepa.load(save_small_encoder(tmp_path, **{**PROVENANCE, "sources": unknown}))
    assert "The licences of the meshes that they learned from are not stated." in encoder.card()
    assert "No probe of this encoder was measured." in encoder.card()
    (tmp_path / "probe_other.json").write_text('{"dataset": 1}')
    assert crossjepa.load(tmp_path).encode(knob()).shape == (1, 384)
    with pytest.raises(UserError, match=r"probe_other\.json: not a result of this version \(KeyError"):
        crossjepa.load(tmp_path).card()


def test_an_encoder_goes_to_the_hub_with_its_card(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a hub: its client is replaced by one that looks at the folder."""
    uploaded: dict[str, bytes] = {}

    def upload(_: Any, folder_path: Path, **__: Any) -> str:
        uploaded.update({path.name: path.read_bytes() for path in Path(folder_path).iterdir()})
        return "address"

    monkeypatch.setattr(
        "huggingface_hub.HfApi.create_repo", lambda *_, repo_id, **__: type("Repo", (), {"repo_id": repo_id})
    )
    monkeypatch.setattr("huggingface_hub.HfApi.upload_folder", upload)
    encoder = crossjepa.load(results)
    assert encoder.push_to_hub("ann/encoder") == "address"
    assert set(uploaded) == {"README.md", "config.json", "encoder.safetensors", "predictor.safetensors"}
    assert uploaded["README.md"].decode() == encoder.card()
    assert json.loads(uploaded["config.json"])["encoder"]["dim"] == 192


def test_onnx_gives_the_vectors_for_any_number_of_clouds(results: Path, tmp_path: Path) -> None:
    encoder = crossjepa.load(results)
    encoder.to_onnx(tmp_path / "encoder.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "encoder.onnx")
    for count in (1, 5):
        clouds = np.random.default_rng(count).normal(size=(count, POINTS, 3)).astype(np.float32) * 7 + 3
        (given,) = session.run(None, {"points": clouds})
        assert np.abs(given - encoder.encode(clouds)).max() < 1e-4


def test_onnx_needs_its_runtime(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match="the package onnxruntime is missing: pip install"):
        crossjepa.load(results).to_onnx(tmp_path / "encoder.onnx")
    assert not list(tmp_path.iterdir())


def test_a_later_format_is_refused(results: Path, tmp_path: Path) -> None:
    data = (results / "encoders/trained/0/encoder.safetensors").read_bytes()
    later = data.replace(b'\\"format\\": 1', b'\\"format\\": 2', 1)
    assert KEY.encode() in later[:200]
    assert later != data
    (tmp_path / "encoder.safetensors").write_bytes(later)
    with pytest.raises(
        UserError, match=r"has format 2, but this version of the software reads up to 1; upgrade"
    ):
        crossjepa.load(tmp_path)


def test_a_pickle_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "encoder.safetensors").write_bytes(__import__("pickle").dumps({"weights": 1}))
    with pytest.raises(UserError, match=r"encoder\.safetensors: not an encoder of this software"):
        crossjepa.load(tmp_path)


def test_export_writes_what_the_name_says(results: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(export)

    def call(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["--encoder", str(results), *arguments], catch_exceptions=False)

    call("-o", str(tmp_path / "a.onnx"))
    call("-o", str(tmp_path / "a.safetensors"))
    call("-o", str(tmp_path / "hub"), "--half", "--licence", "CC0-1.0")
    assert onnxruntime.InferenceSession(tmp_path / "a.onnx").get_inputs()[0].name == "points"
    assert load_encoder(tmp_path / "a.safetensors")[1]["objects"] == 12
    assert "under CC0-1.0" in (tmp_path / "hub/README.md").read_text()
    with pytest.raises(UserError, match=r"a\.pt: must end in \.onnx or \.safetensors, or be a folder"):
        call("-o", str(tmp_path / "a.pt"))
    with pytest.raises(UserError, match=r"b\.onnx: --half and --licence are for folders"):
        call("-o", str(tmp_path / "b.onnx"), "--half")
