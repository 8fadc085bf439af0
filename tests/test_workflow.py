"""The real workflow on procedural shapes: one finished run, then what a change reruns."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trimesh
import yaml
from clone import ROOT, Clone

from crossjepa.config import Config
from crossjepa.settings import check, read_configuration
from crossjepa.workflow.plan import DETERMINANTS, RULES, Plan

TRAINING = {"pretrain": 1}


def documented(heading: str) -> dict[str, list[str]]:
    """The rows of a table in docs/reruns.md: first cell -> the others."""
    part = (ROOT / "docs/reruns.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]
    return {first.strip("`"): [cell.strip("`") for cell in cells] for first, *cells in rows}


def jobs(cell: str) -> dict[str, int]:
    """A cell of a table: "points (2), report" is two jobs of one rule and one of another."""
    counted = re.findall(r"(\w+)(?: \((\d+)\))?", cell)
    return {} if cell == "nothing" else {rule: int(count or 1) for rule, count in counted}


SETTINGS = {key: (value, jobs(reruns)) for key, (value, reruns) in documented("Settings").items()}
MODULES = {module: jobs(reruns) for module, (reruns,) in documented("Code").items()}


def test_every_setting_has_a_row() -> None:
    page = (ROOT / "config/README.md").read_text()
    keys = set(re.findall(r"^\| `([\w.]+)`", page, re.M))
    assert set(SETTINGS) == {key for key in keys if not key.endswith(".kind")}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The finished run, shared by all tests here; they undo what they change."""
    clone = Clone(tmp_path_factory.mktemp("clone"))
    clone.snakemake()
    return clone


def test_the_run_ends_in_a_result_and_a_report(clone: Clone) -> None:
    result = json.loads((clone.results / "probe_shapes.json").read_text())
    assert result["n_classes"] >= 12
    assert result["pretraining"]["saw_test_objects"] == 0
    assert 0 < result["baselines"]["majority"]["canonical"]["mean"] < result["accuracy"]["canonical"]["mean"]
    assert result["provenance"]["seconds"]["teacher"] > 0
    page = (clone.results / "report.html").read_text()
    assert "procedural" in page
    assert 'src="http' not in page
    assert not list((clone.folder / "results/views").rglob("*.zip"))


def test_a_second_call_does_nothing(clone: Clone) -> None:
    assert clone.planned() == {}


def test_touching_all_sources_reruns_nothing(clone: Clone) -> None:
    for path in (clone.folder / "crossjepa").rglob("*.py"):
        path.touch()
    assert clone.planned() == {}


def test_a_fresh_copy_of_the_sources_reruns_nothing(clone: Clone, tmp_path: Path) -> None:
    fresh = Clone(tmp_path / "fresh")
    for folder in ("results", ".snakemake"):
        (fresh.folder / folder).symlink_to(clone.folder / folder)
    assert fresh.planned() == {}


def test_an_edited_environment_file_reruns_nothing_without_conda(clone: Clone) -> None:
    """With conda it reruns its stage: `tests/conda_standin/check.py` has that."""
    for path in (clone.folder / "envs").glob("*.yaml"):
        path.write_text(path.read_text() + "# edited\n")
    assert clone.planned() == {}


def test_other_threads_memory_and_profile_rerun_nothing(clone: Clone) -> None:
    assert clone.planned("--cores", "1") == {}
    assert clone.planned("--set-threads", "pretrain=1", "--set-resources", "pretrain:mem_mb=9000") == {}
    profile = clone.folder / "other profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("set-threads: {probe: 1}\nset-resources: {teacher: {mem_mb: 9}}\n")
    assert clone.planned("--profile", str(profile)) == {}


def test_reordered_keys_and_comments_rerun_nothing(clone: Clone) -> None:
    path = clone.folder / clone.preset
    before = path.read_text()
    values = yaml.safe_load(before)
    turned = {k: dict(reversed(v.items())) if isinstance(v, dict) else v for k, v in reversed(values.items())}
    path.write_text("# another comment\n" + yaml.safe_dump(turned, sort_keys=False))
    try:
        assert clone.planned() == {}
    finally:
        path.write_text(before)


def test_a_run_from_before_edited_comments_and_docstrings_is_taken_up(clone: Clone) -> None:
    for path in (clone.folder / "crossjepa").rglob("*.py"):
        path.write_text(path.read_text().replace('"""', '"""Edited. ', 1) + "# edited\n")
    assert clone.planned() == {}


Effect = tuple[frozenset[str], frozenset[str]]
Seen = dict[tuple[Effect, frozenset[tuple[str, int]]], dict[str, int]]


def effect(preset: Path, changed: Path) -> Effect:
    """The rules that get other settings, and the kinds of artefacts that get another name, by a change."""
    one, other = (
        Plan(check(Config, read_configuration(files), "test")) for files in ([preset], [preset, changed])
    )
    rules = {rule for rule in RULES if one.settings(rule, "shapes") != other.settings(rule, "shapes")}
    datasets = {kind: "" if kind == "weights" else "shapes" for kind in DETERMINANTS}
    kinds = {kind for kind, name in datasets.items() if one.name(kind, name) != other.name(kind, name)}
    return frozenset(rules), frozenset(map(str, kinds))


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Plans by effect and documented row. Snakemake sees settings through their effects: where both are the
    same, and there is an effect, it is asked once."""
    return {}


@pytest.mark.parametrize("key", SETTINGS)
def test_a_changed_setting_reruns_exactly(
    clone: Clone, key: str, record_table: list[str], seen: Seen
) -> None:
    value, expected = SETTINGS[key]
    section, *rest = key.split(".")
    changed = yaml.safe_load(value)
    if len(rest) == 2:  # a key of a kind of data set: of the one of that name, or of a new one
        kind, field = rest
        changed = {"kind": kind, **({"path": "config"} if kind == "folder" else {}), field: changed}
    changed = {rest[0]: changed} if rest else changed
    path = clone.folder / "changed.yaml"
    path.write_text(yaml.safe_dump({section: changed}))
    felt = effect(clone.folder / clone.preset, path)
    row = felt, frozenset(expected.items())
    if row not in seen or not any(felt):
        seen[row] = clone.planned("--configfile", clone.preset, "changed.yaml")
    planned = seen[row]
    record_table.append(f"{key:28} {', '.join(planned) or 'nothing'}")
    assert planned == expected


@pytest.mark.parametrize("module", MODULES)
def test_an_edited_module_reruns_exactly(clone: Clone, module: str, record_table: list[str]) -> None:
    path = clone.folder / "crossjepa" / module
    before = path.read_text()
    path.write_text(before + "\nEDITED = 1\n")
    try:
        planned = clone.planned()
    finally:
        path.write_text(before)
    record_table.append(f"{module:28} {', '.join(planned) or 'nothing'}")
    assert planned == MODULES[module]


@pytest.fixture(scope="module")
def record_table() -> Iterator[list[str]]:
    """Collects the table of what reruns, and prints it at the end (see it with `pytest -s`)."""
    rows: list[str] = []
    yield rows
    print("\n" + "\n".join(rows))


def test_a_wrong_setting_stops_the_run_with_its_name(clone: Clone) -> None:
    printed = clone.snakemake("--dry-run", "--config", "pretrain={epochs: 0}", succeeds=False)
    assert "pretrain.epochs: Input should be greater than or equal to 1 (given: '0')" in printed


def test_a_folder_of_meshes_is_a_data_set_and_an_added_mesh_is_noticed(clone: Clone) -> None:
    meshes = clone.folder / "my meshes"
    for label, size in (("long", 4), ("short", 1)):
        (meshes / label).mkdir(parents=True)
        for number in range(3):
            trimesh.creation.box((size, 1, 1 + number)).export(meshes / label / f"{number}.ply")
    wanted = ["--config", "data={mine: {kind: folder, path: my meshes}}", "probe={datasets: [mine]}"]
    clone.snakemake("--until", "points_seal", *wanted)
    (table,) = (clone.folder / "results/points").glob("mine-*/manifest.json")
    assert json.loads(table.read_text())["ids"] == [
        f"{c}/{n}.ply" for c in ("long", "short") for n in range(3)
    ]
    assert clone.planned("--until", "points_seal", *wanted) == {}
    shutil.copy(meshes / "long/0.ply", meshes / "long/3.ply")
    assert clone.planned("--until", "points_seal", *wanted) == jobs(
        "scan, points_layout, points (2), points_seal"
    )


def test_a_failing_job_fails_with_its_own_message(clone: Clone) -> None:
    """Shell commands end in `| tee`, whose success must not hide a failure before it."""
    broken = clone.folder / "broken meshes"
    for name in ("chairs", "tables", "lamps"):
        (broken / name).mkdir(parents=True)
        (broken / name / "1.obj").write_text("no mesh\n")
    trimesh.creation.box().export(broken / "chairs/2.obj")
    wanted = ["--config", "data={mine: {kind: folder, path: broken meshes}}", "probe={datasets: [mine]}"]
    printed = clone.snakemake("--until", "points_layout", *wanted, succeeds=False)
    assert "crossjepa: error: 3 of 4 meshes are broken, more than data.max_bad_fraction" in printed
    assert "Error in rule points_layout" in printed
    assert "MissingOutputException" not in printed
    assert "latency" not in printed
    missing = clone.snakemake(
        "-n",
        "--config",
        "data={mine: {kind: folder, path: nowhere}}",
        "probe={datasets: [mine]}",
        succeeds=False,
    )
    assert "data.mine.path: nowhere: no such file or folder" in missing


def test_a_run_without_probes_ends_with_its_encoder(clone: Clone) -> None:
    without = ["--config", "probe={datasets: []}"]
    assert clone.planned(*without) == {}
    assert clone.planned("--forcerun", "pretrain", *without) == TRAINING


def test_a_finished_encoder_outlives_training_that_fails_and_a_deleted_shard_comes_back(clone: Clone) -> None:
    encoder, manifests = clone.results / "encoders/trained/0/encoder.safetensors", clone.manifests()
    before = encoder.read_bytes()
    printed = clone.snakemake("--until", "pretrain", "--config", "pretrain={accumulate: 3}", succeeds=False)
    assert "cannot be divided evenly" in printed
    assert encoder.read_bytes() == before
    next((clone.folder / "results/targets").glob("shapes-*/embedding/c/1/0/0")).unlink()
    planned = clone.planned()
    assert {rule: planned[rule] for rule in ("render", "teacher")} == {"render": 1, "teacher": 1}
    assert not planned.keys() & {"scan", "catalog", "points", "targets_layout", "random_features", "geometry"}
    clone.snakemake()
    assert encoder.read_bytes() == before, "a finished run is taken up, not trained again"
    assert clone.manifests() == manifests, "the shard is as it was"
    assert clone.planned() == {}


def stop_teacher(clone: Clone, stopped_by: signal.Signals) -> None:
    """Send a signal to a whole run while its teacher works."""
    logs = clone.folder / "results/logs/teacher"
    shutil.rmtree(logs, ignore_errors=True)
    running = subprocess.Popen(
        clone.command("--until", "targets_seal"),
        cwd=clone.folder,
        start_new_session=True,
        # A shell's background jobs ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while not any("embed" in path.read_text() for path in logs.glob("shapes-*/[0-9].log")):
        assert time.monotonic() < deadline, "the teacher never began"
        assert running.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.2)
    os.killpg(running.pid, stopped_by)
    assert running.wait(60) != 0


def test_a_stopped_run_finishes_with_the_same_digests(clone: Clone, tmp_path: Path) -> None:
    """Ctrl-C, a scheduler's signal and kill -9, which leaves a lock; each time another call goes on."""
    other = Clone(tmp_path / "stopped")
    for store in ("weights", "data"):
        shutil.copytree(clone.folder / "results" / store, other.folder / "results" / store)
    for stopped_by in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        stop_teacher(other, stopped_by)
        assert not list((other.folder / "results/targets").glob("*/manifest.json"))
    assert "--unlock" in other.snakemake("--until", "targets_seal", succeeds=False)
    other.snakemake("--unlock")
    other.snakemake("--until", "targets_seal")
    finished = {name: text for name, text in other.manifests().items() if "/targets/" in name}
    assert finished
    assert finished.items() <= clone.manifests().items()
