"""Thingi10K: downloaded by the hub's own client, from a server with the layout of its repository."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trimesh
from hub_fetch import fetch
from web_server import Hub

from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import Thingi10KSource
from crossjepa.data.sources.thingi10k import short_licence

ROOT = "datasets/Thingi10K/Thingi10K/resolve/v1.5.0/"
FILES = """ID,Thing ID,Link
10,1,http://www.thingiverse.com/download:10/Foot.STL
11,1,http://www.thingiverse.com/download:11/head.stl
20,2,http://www.thingiverse.com/download:20/gear.obj
30,3,http://www.thingiverse.com/download:30/vase.stl
40,4,
"""
THINGS = """Thing ID,Date,Category,Sub-category,Name,Author,License
1,2014-01-01 00:00:00,Toys,Puzzles,A man,ann,Creative Commons - Attribution
2,2014-01-01 00:00:00,Hobby,Robotics,Gear,bob,GNU - GPL
3,2014-01-01 00:00:00,Household,Decor,Vase,cia,Creative Commons - Attribution - Non-Commercial
"""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Four models of three things."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("10.stl", "11.stl", "20.obj", "30.stl"):
            content = trimesh.creation.cylinder(1, 4).export(file_type=name[-3:])
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"Thingi10K/raw_meshes/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    files = {
        "metadata/input_summary.csv": FILES.encode(),
        "metadata/contextual_data.csv": THINGS.encode(),
        "Thingi10K.tar.gz": packed.getvalue(),
    }
    hub = Hub({ROOT + name: content for name, content in files.items()})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    yield hub
    hub.close()


def test_models_come_upright_with_class_licence_creator_and_thing(hub: Hub, tmp_path: Path) -> None:
    done = fetch("thingi10k", tmp_path / "objects.csv")
    assert done.returncode == 0, done.stderr
    opened = open_dataset(Thingi10KSource(path=str(tmp_path / "objects.csv")))
    records = {record.id: record for record in opened.objects()}
    assert set(records) == {"10", "11", "20"}, "without the one for non-commercial use"
    assert (records["10"].label, records["10"].group) == ("Toys", records["11"].group)
    assert records["20"].licence == "GNU - GPL"
    assert records["20"].creator == "bob (thingiverse.com/thing:2)"
    for number in records:
        corners = np.concatenate([part.vertices for part in opened.load(number).parts])
        assert np.ptp(corners, axis=0).argmax() == 1, "a cylinder that stands along z in its file"
    assert len([name for name in hub.sent if name.endswith("tar.gz")]) == 1


def test_what_is_unpacked_is_kept(hub: Hub, tmp_path: Path) -> None:
    assert fetch("thingi10k", tmp_path / "few.csv", objects=2).returncode == 0
    (tmp_path / "Thingi10K.tar.gz").unlink()
    sent = len(hub.sent)
    assert fetch("thingi10k", tmp_path / "same.csv", objects=2, licences=["by", "gpl"]).returncode == 0
    assert len(hub.sent) == sent
    assert len(pd.read_csv(tmp_path / "same.csv")) == 2


@pytest.mark.usefixtures("hub")
def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "Thingi10K.tar.gz").write_bytes(b"no archive")
    done = fetch("thingi10k", tmp_path / "objects.csv")
    assert done.returncode == 1
    assert "Thingi10K.tar.gz: damaged" in done.stderr
    assert "delete it and run again" in done.stderr
    assert not (tmp_path / "objects.csv").exists()


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Creative Commons - Attribution", "by"),
        ("Creative Commons - Attribution - Share Alike", "by-sa"),
        ("Creative Commons - Attribution - Non-Commercial - Share Alike", "by-nc-sa"),
        ("Creative Commons - Attribution - Non-Commercial - No Derivatives", "by-nc-nd"),
        ("Creative Commons - Public Domain Dedication", "public-domain"),
        ("GNU - LGPL", "lgpl"),
        ("BSD License", "bsd"),
        ("All Rights Reserved", "All Rights Reserved"),
        ("", ""),
    ],
)
def test_licences_have_short_names(name: str, short: str) -> None:
    assert short_licence(name) == short
