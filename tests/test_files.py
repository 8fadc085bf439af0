"""Archives: torn, altered and missing parts are set aside or named, and never pass unseen."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crossjepa.data.registry import open_dataset
from crossjepa.data.scan import scan
from crossjepa.data.settings import DataSettings, FurnitureSource
from crossjepa.data.table import write_meshes
from crossjepa.errors import UserError
from crossjepa.files import write_whole

QUAD = "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nusemtl a\nf 1/1 2/2 3/3\n"


def test_empty_missing_and_torn_meshes_are_set_aside(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(png, "PNG")
    with zipfile.ZipFile(tmp_path / "Tiny.sh3f", "w") as archive:
        names = ["good", "empty", "gone", "torn"]
        lines = [f"name#{i}={n}\nmodel#{i}=/{n}/a.obj\n" for i, n in enumerate(names, 1)]
        archive.writestr("PluginFurnitureCatalog.properties", "".join(lines))
        archive.writestr("good/a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
        archive.writestr("empty/a.obj", "")
        archive.writestr("torn/a.obj", QUAD)
        archive.writestr("torn/m.mtl", "newmtl a\nmap_Kd t.png\n")
        archive.writestr("torn/t.png", png.getvalue()[:2000])
    table = scan(FurnitureSource(path=str(tmp_path)), DataSettings(), threads=1)
    status = table["status"].tolist()
    assert status[:2] == ["ok", "the file is empty"]
    assert "KeyError" in status[2]
    assert status[3] == "ok", "its shape is whole"
    assert "truncated" in table["warnings"][3]


def test_an_altered_archive_is_named_when_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Scopia.sh3f", "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "")
    with pytest.raises(UserError, match=r"Scopia\.sh3f: not the archive of sweethome3d-furniture 1\.8-1"):
        open_dataset(FurnitureSource(path=str(tmp_path)))


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "meshes.parquet"
    write_meshes(pd.DataFrame({"id": ["a"]}), path)
    with pytest.raises(Exception, match="Conversion failed"):
        write_meshes(pd.DataFrame({"id": ["b", 1.5, object()]}), path)
    assert pd.read_parquet(path)["id"].tolist() == ["a"]


def test_a_written_file_carries_the_umasks_rights(tmp_path: Path) -> None:
    """safetensors, for one, creates files that only their owner can read."""
    before = os.umask(0o027)
    try:
        with write_whole(tmp_path / "new") as partial:
            os.close(os.open(partial, os.O_CREAT, 0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
