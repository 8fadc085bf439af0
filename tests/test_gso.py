"""Google Scanned Objects: downloaded from a server that answers as Open Robotics' does."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crossjepa.data.fetch import fetch
from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import GSOSource
from crossjepa.data.sources import gso
from crossjepa.errors import UserError

OBJ = "mtllib model.mtl\nusemtl m\n" + "".join(
    f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 9)
)
OBJ += "vt 0 0\nvt 1 0\nvt 1 1\nf 1/1 2/2 3/3\nf 5/1 6/2 8/3\n"
CLASSES = {"Red Shoe": ["Shoe"], "Blue_Shoe": ["Shoe"], "Thing": []}


def packed(texture: bytes) -> bytes:
    """A model's zip; its materials name the texture as if it lay beside them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("model.config", "<model/>")
        archive.writestr("materials/textures/texture.png", texture)
        archive.writestr("meshes/model.mtl", "newmtl m\nmap_Kd texture.png\n")
        archive.writestr("meshes/model.obj", OBJ)
    return content.getvalue()


class Fuel:
    """The server, with three models on two pages."""

    def __init__(self) -> None:
        red = io.BytesIO()
        Image.new("RGB", (4, 4), (255, 0, 0)).save(red, "PNG")
        self.models = {name: packed(red.getvalue()) for name in CLASSES}
        self.sent: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = server.body(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/1.0"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def body(self, path: str) -> bytes | None:
        """The answer to a request; None for what is not there."""
        address = urlsplit(path)
        if address.path == "/1.0/models":
            asked = parse_qs(address.query)
            assert asked["q"] == ["collections:Scanned Objects by Google Research"]
            names = [*CLASSES][2 * int(asked["page"][0]) - 2 :][:2]
            described = [{"name": name, "categories": CLASSES[name], "filesize": 1} for name in names]
            return json.dumps(described).encode() if names else None
        name = unquote(address.path).removeprefix("/1.0/GoogleResearch/models/").removesuffix(".zip")
        self.sent.append(name)
        return self.models.get(name)


@pytest.fixture
def fuel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fuel]:
    fuel = Fuel()
    monkeypatch.setattr(gso, "SERVER", fuel.url)
    yield fuel
    fuel.http.shutdown()
    fuel.http.server_close()


def test_models_come_upright_with_texture_class_and_licence(fuel: Fuel, tmp_path: Path) -> None:
    fetch(GSOSource(), tmp_path / "objects.csv")
    opened = open_dataset(GSOSource(path=str(tmp_path / "objects.csv")))
    records = {record.id: record for record in opened.objects()}
    assert {name: [record.label] for name, record in records.items()} == CLASSES | {"Thing": [""]}
    assert {(record.licence, record.creator) for record in records.values()} == {
        ("CC-BY-4.0", "Google Research")
    }
    mesh = opened.load("Red Shoe")
    assert np.ptp(mesh.parts[0].vertices, axis=0).argmax() == 1, "long along z in its file"
    assert not mesh.warnings
    assert mesh.parts[0].texture is not None
    assert sorted(fuel.sent) == sorted(CLASSES)


def test_what_is_there_is_kept(fuel: Fuel, tmp_path: Path) -> None:
    fetch(GSOSource(objects=2), tmp_path / "few.csv")
    fetch(GSOSource(), tmp_path / "all.csv")
    few, every = (set(pd.read_csv(tmp_path / name)["id"]) for name in ("few.csv", "all.csv"))
    assert len(few) == 2
    assert few < every
    assert sorted(fuel.sent) == sorted(CLASSES)
    assert not list(tmp_path.glob("*.zip"))


def test_a_model_that_is_missing_or_broken_stops_and_says_how_to_go_on(fuel: Fuel, tmp_path: Path) -> None:
    whole = fuel.models.pop("Thing")
    with pytest.raises(UserError, match=r"Thing\.zip: HTTP Error 404.*; run again to resume"):
        fetch(GSOSource(), tmp_path / "objects.csv")
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    fuel.models["Thing"] = content.getvalue()
    with pytest.raises(UserError, match=r"Thing\.zip: not a scanned object .*; delete it and run again"):
        fetch(GSOSource(), tmp_path / "objects.csv")
    assert not (tmp_path / "objects.csv").exists()
    fuel.models["Thing"] = whole
    fetch(GSOSource(), tmp_path / "objects.csv")
    assert len(pd.read_csv(tmp_path / "objects.csv")) == 3


def test_a_server_that_does_not_answer_is_told(fuel: Fuel, tmp_path: Path) -> None:
    fuel.http.shutdown()
    fuel.http.server_close()
    with pytest.raises(UserError, match=r"the list of models cannot be read .*; run again later"):
        fetch(GSOSource(), tmp_path / "objects.csv")
