"""The profiles for clusters: what each job would ask for, and a run against a stand-in for kubectl."""

import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
from clone import ROOT, Clone

# Runs a job at once, keeps its description, and says how it ended.
KUBECTL = """
import json, subprocess, sys
from pathlib import Path
here = Path(__file__).parent
if sys.argv[1] == "create":
    job = json.load(sys.stdin)
    name = job["metadata"]["name"]
    (here / f"{name}.json").write_text(json.dumps(job))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    done = subprocess.run(container["command"], cwd=container["workingDir"], stdout=2)
    (here / name).write_text("1," if done.returncode == 0 else ",1")
elif sys.argv[1] == "get":
    print((here / sys.argv[3]).read_text())
"""
ON_GPU = {"teacher", "pretrain", "features"}


def resources(printed: str) -> dict[str, str]:
    """The resources that a dry run prints, by rule."""
    return dict(re.findall(r"^ *(?:local)?rule (\w+):\n(?: .*\n)*? +resources: (.*)$", printed, re.M))


def test_slurm_gives_a_gpu_to_those_who_use_one_and_time_and_memory_to_all(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    asked = resources(clone.snakemake("--dry-run", "--profile", "profiles/slurm"))
    assert ON_GPU | {"scan", "render", "probe", "report"} <= asked.keys()
    for rule, wanted in asked.items():
        assert ("slurm_partition=gpu" in wanted) is (rule in ON_GPU), rule
        assert ("gpu=1" in wanted) is (rule in ON_GPU), rule
        assert re.search(r"mem_mb=\d{3,}.*runtime=\d+", wanted), rule


def test_kubernetes_runs_jobs_and_learns_how_they_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run through the profile's commands; a stand-in for kubectl runs each job's container line here."""
    commands = tmp_path / "bin"
    commands.mkdir()
    kubectl = commands / "kubectl"
    kubectl.write_text(f"#!{sys.executable}\n{KUBECTL}")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    clone = Clone(tmp_path / "clone")
    profile = ["--profile", "profiles/kubernetes", "--sdm=env-modules", "--seconds-between-status-checks=1"]
    clone.snakemake("--until", "points_layout", "random_encoder", *profile)
    jobs = [json.loads(path.read_text()) for path in commands.glob("*.json")]
    assert len(jobs) == 4  # scan, points_layout and two encoders
    for job in jobs:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["workingDir"] == str(clone.folder)
        assert int(container["resources"]["limits"]["memory"].removesuffix("M")) >= 1000
    (clone.folder / "broken").mkdir()
    (clone.folder / "broken/1.obj").write_text("no mesh\n")
    wanted = ["--config", "data={mine: {kind: folder, path: broken}}", "pretrain={datasets: [mine]}"]
    failed = clone.snakemake("--until", "scan", "--retries=0", *profile, *wanted, succeeds=False)
    assert "1 of 1 meshes are broken" in failed
    asked = resources(clone.snakemake("--dry-run", *profile))
    assert {rule for rule, wanted in asked.items() if "gpu=1" in wanted} == ON_GPU


@pytest.mark.parametrize("file", ["profiles/slurm/config.yaml", "envs/Dockerfile"])
def test_versions_that_are_named_elsewhere_agree_with_the_project(file: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    named = set(re.findall(r"[\w-]+==[\w.]+", (ROOT / file).read_text()))
    assert named
    assert named <= pinned
