"""The encoder that the package ships, and the demo."""

import socket
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from typer.testing import CliRunner

import crossjepa
from crossjepa.cli import typer
from crossjepa.commands.demo import demo
from crossjepa.inference.encoder import Encoder

PACKAGE = Path(str(files("crossjepa")))
WEIGHTS = PACKAGE / "weights"
MOST_BYTES = 6_000_000
EXPECTED = [1.3142, 1.6809, 1.0329, -0.0320, -0.3897]  # of the vector of chair_1.glb


@pytest.fixture(scope="module")
def shipped() -> Encoder:
    return crossjepa.load()


def test_the_weights_are_small_and_say_what_they_are(shipped: Encoder) -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= MOST_BYTES
    for name in ("encoder", "predictor"):
        with safe_open(WEIGHTS / f"{name}.safetensors", "numpy") as file:
            assert {file.get_slice(key).get_dtype() for key in file.keys()} == {"F16"}  # noqa: SIM118
    assert {source["licence"] for source in shipped.provenance["sources"]} == {
        "CC0",
        "CC-BY-3.0",
        "CC-BY-3.0-US",
    }
    assert all(source["creators"] for source in shipped.provenance["sources"])
    assert len(shipped.provenance["commit"]) == 40  # a clean checkout
    assert (WEIGHTS / "README.md").read_text("utf-8") == shipped.card("Apache-2.0")


def test_its_vectors_stay_the_same(shipped: Encoder) -> None:
    """Or vectors and indexes that users keep would no longer fit."""
    vector = shipped.encode(PACKAGE / "demo/chair_1.glb")[0]
    assert np.allclose(vector[[0, 1, 2, 200, 201]], EXPECTED, atol=2e-3)


def test_the_demo_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the demo asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    app = typer.Typer()
    app.command()(demo)
    printed = CliRunner().invoke(app, ["-o", str(tmp_path)], catch_exceptions=False).stdout
    neighbours = [line.split(" is most like ") for line in printed.splitlines() if " is most like " in line]
    assert len(neighbours) == 12
    for name, found in neighbours:
        kind, others = name.strip().partition("_")[0], found.split(", ")
        assert [other.partition("_")[0] for other in others[:2]] == [kind, kind]
    table = pd.read_csv(tmp_path / "vectors.csv")
    assert table.shape == (12, 386)
    assert (tmp_path / "neighbours.html").read_text().count("data:image/webp") == 12 * 4
