"""The Slurm profile: what each job, and each group of jobs, asks for."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from clone import ROOT, Clone, rule_bodies
from snakemake.resources import GroupResources, Resource, Resources

from crossjepa.workflow.resources import memory

ON_GPU = {"teacher", "pretrain", "features", "random_features"}
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def resources(printed: str) -> dict[str, str]:
    """The resources that a dry run prints, by rule."""
    return dict(re.findall(r"^ *(?:local)?rule (\w+):\n(?: .*\n)*? +resources: (.*)$", printed, re.M))


def test_slurm_gives_gpus_to_the_rules_that_use_one_and_time_and_memory_to_all(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    bodies = rule_bodies()
    asked = resources(clone.snakemake("--dry-run", "--profile", "profiles/slurm"))
    assert ON_GPU | {"scan", "render", "answers", "probe", "report"} <= asked.keys()
    for rule, wanted in asked.items():
        assert ("slurm_partition=gpu" in wanted) is (rule in ON_GPU), rule
        assert ("gpu=1" in wanted) is (rule in ON_GPU), rule
        assert re.search(r"runtime=\d+", wanted), rule
        if re.search(r"mem_mb=memory\(\s*\d+,\s*{", bodies.get(rule, "")):
            assert "mem_mb=<TBD>" in wanted, "memory follows the inputs, which are not there yet"
        else:
            assert re.search(r"mem_mb=\d{3,}", wanted), rule


def test_memory_grows_with_named_inputs_with_listed_objects_and_with_each_attempt(tmp_path: Path) -> None:
    files = []
    for name, megabytes in {"xyz": 100, "thumbnails": 900}.items():
        files.append(str(tmp_path / name / "c"))
        (tmp_path / name).mkdir()
        with open(files[-1], "wb") as file:
            file.truncate(megabytes * 10**6)  # sparse
    asked = memory(1000, {"/xyz/": 0.5}, (0.002, lambda wildcards: wildcards.objects))
    wildcards = SimpleNamespace(objects=10_000)
    assert asked(wildcards, files, 1) == 1000 + 50 + 20
    assert asked(wildcards, files, 2) == 2 * asked(wildcards, files, 1)
    with pytest.raises(FileNotFoundError):  # Snakemake asks again when the input is there
        asked(wildcards, ["gone/xyz/c"], 1)


def test_a_group_of_teacher_jobs_shares_one_gpu() -> None:
    """One job for eight shards, one shard after another."""
    job = SimpleNamespace(pipe_group=None, resources={**PROFILE["set-resources"]["teacher"], "runtime": 30})
    constraints = Resources({name: Resource(name, value) for name, value in PROFILE["resources"].items()})
    group = GroupResources.basic_layered([[job] * PROFILE["group-components"]["teacher"]], constraints, False)
    assert group["gpu"] == 1
    assert group["runtime"] == 8 * 30
    assert PROFILE["groups"]["teacher"] == "teacher"
    # Each submitted group gets this much of its own: it does not bound the whole run.
    assert PROFILE["set-resource-scopes"] == dict.fromkeys(PROFILE["resources"], "local")
