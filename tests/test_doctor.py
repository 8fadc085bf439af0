"""The doctor names what is missing with the remedy, and its exit code says whether a run can work."""

import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from crossjepa.config import Config
from crossjepa.settings import check
from crossjepa.workflow.machine import cluster, datasets, disk, teacher

ROOT = Path(__file__).parent.parent
Usage = namedtuple("Usage", "total used free")


def test_a_machine_that_can_run_passes() -> None:
    command = [sys.executable, "-m", "crossjepa", "doctor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == [
        *("rendering", "torch", "GPU", "disk", "teacher"),
        *("data", "cluster"),
    ]
    assert "OpenGL" in done.stdout


def test_a_missing_data_set_fails_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "data: {mine: {kind: folder, path: /nowhere}}\nprobe: {datasets: [mine]}\n"
    )
    command = [sys.executable, "-m", "crossjepa", "doctor", "--configfile", str(tmp_path / "mine.yaml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "data.mine.path: /nowhere: no such file or folder" in done.stdout
    assert "Traceback" not in done.stderr


def test_little_disk_is_bad_also_before_the_folder_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10e9, 9e9, 1e9))
    found = disk(tmp_path / "not" / "there" / "yet")
    assert found.state == "bad"
    assert f"1.0 GB free at {tmp_path}" in found.text


def test_weights_are_found_where_they_were_fetched(tmp_path: Path) -> None:
    assert teacher(Config(), tmp_path).state == "note"
    folder = tmp_path / "weights" / "dinov2-small-derivative-0123456789"
    folder.mkdir(parents=True)
    (folder / "teacher.json").write_text('{"name": "dinov2-small-derivative", "revision": null}')
    assert teacher(Config(), tmp_path).state == "ok"
    another = check(Config, {"teacher": {"name": "dinov2-small"}}, "mine.yaml")
    assert teacher(another, tmp_path).state == "note"
    missing = check(Config, {"teacher": {"path": str(tmp_path / "lost")}}, "mine.yaml")
    assert teacher(missing, tmp_path).state == "bad"


def test_each_data_set_says_where_it_comes_from() -> None:
    settings = {"pretrain": {"datasets": ["shapes", "furniture"]}, "probe": {"datasets": ["furniture"]}}
    found = list(datasets(check(Config, settings, "mine.yaml")))
    assert [(f.name, f.state) for f in found] == [("data set shapes", "ok"), ("data set furniture", "note")]


@pytest.mark.parametrize(
    ("script", "state", "text"),
    [
        ("echo 'gpu 4'; echo 'cpu 12'", "ok", "Slurm, partitions gpu (4 nodes), cpu (12 nodes)"),
        (
            "echo 'Unable to contact slurm controller' >&2; exit 1",
            "note",
            "Unable to contact slurm controller",
        ),
    ],
)
def test_the_cluster_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, state: str, text: str
) -> None:
    (tmp_path / "sinfo").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = cluster()
    assert found.state == state
    assert text in found.text
