"""The real workflow on procedural shapes: one finished run, then what reruns when."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
import trimesh
from clone import ROOT, Clone

from crossjepa.closure import UNTRACKED, closure

SHARDS = 2
RANDOM = 2

DATA = {"scan": 1, "catalog": 1, "points_layout": 1, "points": SHARDS, "points_seal": 1}
POINTS = {"points_layout": 1, "points": SHARDS, "points_seal": 1}
TARGETS = {"targets_layout": 1, "render": SHARDS, "teacher": SHARDS, "targets_seal": 1}
SHEET = {"contact_sheet": 1}
TRAINING = {"pretrain": 1}
RANDOM_ENCODERS = {"random_encoder": RANDOM}
OWN_FEATURES = {"features": 1}
ALL_FEATURES = {"features": 1 + RANDOM, "geometry": 1}
RESULT = {"probe": 1, "report": 1, "summary": 1}
BELOW_TARGETS = {**TRAINING, **OWN_FEATURES, **RESULT}

# Setting -> (another value, exactly the jobs that run again).
SETTINGS: dict[str, tuple[str, dict[str, int]]] = {
    "probe.C": ("[0.01, 1.0]", RESULT),
    "probe.bootstrap": ("200", RESULT),
    "probe.published_C": ("true", RESULT),
    "probe.protocol": ("crosspoint", {**OWN_FEATURES, **RESULT, "features": 1 + RANDOM}),
    "report.neighbours": ("3", {"report": 1}),
    "features.turn_seed": ("5", {**ALL_FEATURES, **RESULT}),
    "features.block": ("2", {"features": 1 + RANDOM, **RESULT}),
    "features.random_encoders": ("3", {"random_encoder": 1, "features": 1, **RESULT}),
    "pretrain.epochs": ("5", BELOW_TARGETS),
    "pretrain.learning_rate": ("0.0005", BELOW_TARGETS),
    "pretrain.jitter": ("0.02", BELOW_TARGETS),
    "pretrain.seeds": ("[0, 1]", {**TRAINING, **OWN_FEATURES, **RESULT}),
    "pretrain.model": ("base", {**TRAINING, **RANDOM_ENCODERS, "features": 1 + RANDOM, **RESULT}),
    "benchmark.gallery": ("20", {}),
    "sweep.pose": ("{pretrain: {conditioning: pose}}", {}),
    "data.assemblies.seed": ("1", {}),
    "teacher.random_weights": ("true", {**TARGETS, **BELOW_TARGETS}),
    "teacher.layer": ("10", {**TARGETS, **BELOW_TARGETS}),
    "render.views": ("6", {**TARGETS, **SHEET, **BELOW_TARGETS}),
    "render.image_size": ("126", {**TARGETS, **SHEET, **BELOW_TARGETS}),
    "render.keep_views": ("true", {}),
    "store.shards": (
        "3",
        {
            **POINTS,
            **TARGETS,
            "points": 3,
            "render": 3,
            "teacher": 3,
            **TRAINING,
            **ALL_FEATURES,
            **RESULT,
        },
    ),
    "data.split_seed": ("1", {"catalog": 1, **SHEET, **BELOW_TARGETS}),
    "data.seed": ("1", {**POINTS, **TRAINING, **ALL_FEATURES, **RESULT}),
    "data.max_faces": ("5000", {**DATA, **TARGETS, **SHEET, **TRAINING, **ALL_FEATURES, **RESULT}),
    "data.shapes.seed": ("1", {**DATA, **TARGETS, **SHEET, **TRAINING, **ALL_FEATURES, **RESULT}),
}

# Module -> exactly the jobs that run again when its code changes.
MODULES: dict[str, dict[str, int]] = {
    "probe/linear.py": RESULT,
    "report/figures.py": {"report": 1},
    "features/extract.py": {**ALL_FEATURES, **RESULT},
    "pretrain/train.py": BELOW_TARGETS,
    "model/predictor.py": {**TRAINING, **RANDOM_ENCODERS, **ALL_FEATURES, **RESULT},
    "pretrain/augment.py": BELOW_TARGETS,
    "model/imagine.py": {**TRAINING, **RANDOM_ENCODERS, **ALL_FEATURES, **RESULT},
    "benchmark/columns.py": {},
    "model/encoder.py": {**TRAINING, **RANDOM_ENCODERS, **ALL_FEATURES, **RESULT},
    "render/views.py": {**SHEET, "render": SHARDS, "teacher": SHARDS, "targets_seal": 1, **BELOW_TARGETS},
    "render/contact_sheet.py": {**SHEET, "report": 1},
    "teacher/embed.py": {"render": SHARDS, "teacher": SHARDS, "targets_seal": 1, **BELOW_TARGETS},
    "data/sample.py": {**POINTS, **TRAINING, **ALL_FEATURES, **RESULT},
    "data/catalog.py": {"catalog": 1, **SHEET, **BELOW_TARGETS},
    "config.py": {},
}


@pytest.mark.parametrize(
    "stage", ["data", "render", "teacher", "pretrain", "features", "probe", "benchmark", "report"]
)
def test_every_module_that_a_stage_calls_is_behind_one_of_its_rules(stage: str) -> None:
    rules = (ROOT / f"workflow/rules/{stage}.smk").read_text()
    named = {name for call in re.findall(r"code\(([^)]*)", rules) for name in re.findall(r'"([\w.]+)"', call)}
    kinds = ("assemblies", "folder", "furniture", "modelnet", "scanobjectnn", "shapenet", "shapes")
    adapters = [f"crossjepa.data.{kind}" for kind in kinds if "adapter(" in rules]
    tracked = set(closure(*[f"crossjepa.{name}" for name in named], *adapters))
    graph = grimp.build_graph("crossjepa", cache_dir=None)
    called = graph.find_upstream_modules(f"crossjepa.{stage}.command") | {f"crossjepa.{stage}.command"}
    # What was fetched is checked when it comes, and does not change with the code that fetches it.
    fetching = {"crossjepa.data.fetch", "crossjepa.data.download"}
    assert not called - tracked - UNTRACKED - fetching


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The finished run, shared by all tests here: those that change it put things back."""
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


def test_fewer_cores_rerun_nothing(clone: Clone) -> None:
    assert clone.planned("--cores", "1") == {}


@pytest.mark.parametrize("key", SETTINGS)
def test_a_changed_setting_reruns_exactly(clone: Clone, key: str, record_table: list[str]) -> None:
    value, expected = SETTINGS[key]
    section, *rest = key.split(".")
    nested = value
    for part in reversed(rest):
        nested = f"{{{part}: {nested}}}"
    planned = clone.planned("--config", f"{section}={nested}")
    record_table.append(f"{key:28} {', '.join(planned) or 'nothing'}")
    assert planned == expected


@pytest.mark.parametrize("module", MODULES)
def test_an_edited_module_reruns_exactly(clone: Clone, module: str, record_table: list[str]) -> None:
    path = clone.folder / "crossjepa" / module
    before = path.read_text()
    path.write_text(before + "\n# edited\n")
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
    assert clone.planned("--until", "points_seal", *wanted) == {
        k: v for k, v in DATA.items() if k != "catalog"
    }


def test_a_failing_job_fails_with_its_own_message(clone: Clone) -> None:
    """A shell line ends in `| tee`, whose success must not hide the failure before it."""
    broken = clone.folder / "broken meshes"
    for name in ("chairs", "tables", "lamps"):
        (broken / name).mkdir(parents=True)
        (broken / name / "1.obj").write_text("no mesh\n")
    wanted = ["--config", "data={mine: {kind: folder, path: broken meshes}}", "probe={datasets: [mine]}"]
    printed = clone.snakemake("--until", "scan", *wanted, succeeds=False)
    assert "crossjepa: error: 3 of 3 meshes are broken, more than data.max_bad_fraction" in printed
    assert "Error in rule scan" in printed
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


def test_a_deleted_shard_comes_back_alone_and_identical(clone: Clone) -> None:
    before = clone.manifests()
    next((clone.folder / "results/targets").glob("shapes-*/embedding/c/1/0/0")).unlink()
    planned = clone.planned()
    assert {rule: planned[rule] for rule in ("render", "teacher")} == {"render": 1, "teacher": 1}
    assert not planned.keys() & (DATA.keys() | {"targets_layout", "random_encoder", "geometry"})
    clone.snakemake()
    assert clone.manifests() == before
    assert clone.planned() == {}


def test_a_killed_run_finishes_with_the_same_digests(clone: Clone, tmp_path: Path) -> None:
    """Kill -9 of the whole run while the teacher works, then the same command again."""
    other = Clone(tmp_path / "killed")
    shutil.copytree(clone.folder / "results/weights", other.folder / "results/weights")
    running = subprocess.Popen(
        other.command("--until", "targets_seal"),
        cwd=other.folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    logs = other.folder / "results/logs/teacher"
    while not any("embed" in path.read_text() for path in logs.glob("shapes-*/[0-9].log")):
        assert time.monotonic() < deadline, "the teacher never began"
        assert running.poll() is None, "the run ended before it could be killed"
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    other.snakemake("--unlock")
    other.snakemake("--until", "targets_seal")
    killed = {name: text for name, text in other.manifests().items() if "/targets/" in name}
    assert killed
    assert killed.items() <= clone.manifests().items()
