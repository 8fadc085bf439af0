"""The pipeline on a real Slurm of two nodes, through `profiles/slurm`: `make test-slurm`."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from clone import ROOT, Clone
from slurm_cluster import Cluster, why_not

pytestmark = pytest.mark.slurm
PRESET = {
    "run": "small",
    "data": {"points": 1024, "shapes": {"objects": 52}},
    "store": {"shards": 3},
    "render": {"views": 2, "image_size": 56},
    "pretrain": {"datasets": ["shapes"], "epochs": 2, "views_per_step": 2, "precision": "fp32"},
    "features": {"random_encoders": 1},
    "probe": {"datasets": ["shapes"], "folds": 2, "repeats": 1},
    "report": {"queries": 2},
}
# The profile with shorter waits, and smaller groups of teacher jobs: of three shards two share a GPU, so that
# both nodes get a group.
SLURM = [
    *("--profile", "profiles/slurm"),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "20"),
    *("--group-components", "points=4", "render=4", "teacher=2"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, for all tests here."""
    if reason := why_not():
        pytest.skip(reason)
    with Cluster(tmp_path_factory.mktemp("crossjepa-slurm")) as cluster:
        yield cluster


def small(folder: Path) -> Clone:
    """A copy of the sources with the preset of these tests."""
    clone = Clone(folder, "small.yaml")
    (folder / "small.yaml").write_text(yaml.safe_dump(PRESET))
    return clone


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The same run on this machine with the profile's threads, which sums in floating point depend on."""
    clone = small(tmp_path_factory.mktemp("local"))
    threads = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["set-threads"]
    clone.snakemake("--set-threads", *[f"{rule}={n}" for rule, n in threads.items()])
    return clone


@pytest.fixture(scope="module")
def on_cluster(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The run on the cluster; one of its nodes is killed while it renders or embeds."""
    clone = small(tmp_path_factory.mktemp("cluster"))
    output = clone.folder / "printed.txt"
    with output.open("w") as printed:
        running = subprocess.Popen(
            clone.command(*SLURM), cwd=clone.folder, stdout=printed, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 300
        while not any("render" in job or "rule_teacher" in job for job in cluster.running_on("n2")):
            assert time.monotonic() < deadline, output.read_text()
            assert running.poll() is None, output.read_text()
            time.sleep(0.2)
        print(f"\nn2 is killed while it runs {', '.join(cluster.running_on('n2'))}")
        cluster.kill("n2")
        assert running.wait(600) == 0, output.read_text()
    finally:
        running.kill()
    return clone


@pytest.mark.usefixtures("on_cluster")
def test_every_job_ran_on_a_node_and_those_of_the_dead_one_again(cluster: Cluster) -> None:
    jobs = cluster.sacct()
    for job in jobs:
        print(" | ".join(job.values()))
    assert {job["State"] for job in jobs} == {"COMPLETED", "NODE_FAIL"}
    lost = [job for job in jobs if job["State"] == "NODE_FAIL"]
    assert {job["NodeList"] for job in lost} == {"n2"}
    done = [job["Comment"] for job in jobs if job["State"] == "COMPLETED"]
    for rule in (
        "scan",
        "catalog",
        "points",
        "render",
        "teacher",
        "pretrain",
        "features",
        "answers",
        "probe",
        "report",
    ):
        assert any(f"rule_{rule}" in comment for comment in done), rule
    on_gpu = {job["Comment"].split("_")[1] for job in jobs if "gres/gpu=1" in job["AllocTRES"]}
    assert on_gpu == {"teacher", "pretrain", "features"}
    assert len([comment for comment in done if re.match(r"rule_teacher_(wildcards|teacher)", comment)]) == 2


def test_results_are_those_of_a_local_run(local: Clone, on_cluster: Clone) -> None:
    assert on_cluster.manifests()
    assert on_cluster.manifests() == local.manifests()
    results = [json.loads((c.results / "probe_shapes.json").read_text()) for c in (local, on_cluster)]
    for result in results:
        del result["provenance"]["seconds"]
    assert results[0] == results[1]
    assert on_cluster.planned() == {}


def test_two_nodes_train_as_one_does(cluster: Cluster, on_cluster: Clone) -> None:
    """srun starts a process on each node, and the losses are those of one."""
    cluster.revive("n2")
    several = {"nodes": 2, "tasks": 2, "mpi": "srun", "gpu": 0, "tasks_per_gpu": 0}
    # The nodes' names cannot be looked up here: both are this machine.
    launcher = "srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --export=ALL,MASTER_ADDR=127.0.0.1"
    asked = [f"pretrain:{name}={value}" for name, value in several.items()]
    encoder = "results/two/encoders/trained/0/encoder.safetensors"
    on_cluster.snakemake(
        encoder, *SLURM, "--config", "run=two", "--set-resources", *asked, f"pretrain:launcher={launcher}"
    )
    one, two = (
        pd.read_json(on_cluster.folder / f"results/{run}/encoders/trained/0/metrics.jsonl", lines=True)
        for run in ("small", "two")
    )
    assert two["loss"].to_numpy() == pytest.approx(one["loss"].to_numpy(), rel=1e-4)
    trained = cluster.sacct()[-1]
    print(" | ".join(trained.values()))
    assert trained["NodeList"] == "n[1-2]"
