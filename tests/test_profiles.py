"""The profiles for clusters, by dry runs: what each job would ask for."""

import re
import tomllib
from pathlib import Path

import pytest
from clone import ROOT, Clone

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


def test_kubernetes_plans_the_whole_run_on_its_volume(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    volume = tmp_path / "volume"
    volume.mkdir()
    profile = ["--profile", "profiles/kubernetes", "--default-storage-prefix", str(volume)]
    printed = clone.snakemake("--dry-run", *profile)
    assert f"{volume}/results/shapes/probe_shapes.json" in printed
    asked = resources(printed)
    assert {rule for rule, wanted in asked.items() if "gpu_manufacturer=nvidia" in wanted} == ON_GPU


@pytest.mark.parametrize(
    "file", ["profiles/slurm/config.yaml", "profiles/kubernetes/config.yaml", "envs/Dockerfile"]
)
def test_versions_that_are_named_elsewhere_agree_with_the_project(file: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    named = set(re.findall(r"[\w-]+==[\w.]+", (ROOT / file).read_text()))
    assert named
    assert named <= pinned
