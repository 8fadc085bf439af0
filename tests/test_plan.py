"""The plan of a run, without Snakemake: names, paths, settings, inputs, checks and code digests."""

import ast
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from clone import ROOT, rule_bodies

from crossjepa.config import Config
from crossjepa.data.settings import DataSettings
from crossjepa.errors import UserError
from crossjepa.files import sha256_file
from crossjepa.settings import check, read_section
from crossjepa.workflow import digest, inputs
from crossjepa.workflow.checks import check_plan
from crossjepa.workflow.plan import DETERMINANTS, RULES, Plan

SHAPES = {"pretrain": {"datasets": ["shapes"]}, "probe": {"datasets": ["shapes"]}}


def plan(*changes: dict[str, Any]) -> Plan:
    """The plan of shapes with some settings changed."""
    values: dict[str, Any] = {}
    for change in [SHAPES, *changes]:
        values = {
            k: {**values.get(k, {}), **v} if isinstance(v, dict) else v for k, v in (values | change).items()
        }
    return Plan(check(Config, values, "test"))


def test_a_name_stands_for_what_it_was_made_of() -> None:
    made = plan({"sweep": {"fewer.views": {"render": {"views": 6}}}})
    for name, artefact in made.artefacts.items():
        assert made.name(artefact.kind, artefact.dataset, artefact.variant) == name
    for kind in DETERMINANTS:
        for dataset in made.sources if kind != "weights" else [""]:
            assert made.artefacts[made.name(kind, dataset, "random_teacher")].dataset == dataset


@pytest.mark.parametrize(
    ("change", "renamed"),
    [
        ({"pretrain": {"epochs": 7}}, set()),
        ({"render": {"keep_views": True}}, set()),
        ({"teacher": {"path": "elsewhere"}}, set()),
        ({"data": {"max_faces": 5000, "max_bad_fraction": 0.2}}, set()),
        ({"data": {"max_seconds": 9, "max_memory": 1, "missing_textures": "set_aside"}}, set()),
        ({"data": {"split_seed": 1}}, {"catalog"}),
        ({"data": {"points": 4096}}, {"points"}),
        ({"store": {"shards": 3}}, {"points", "targets"}),
        ({"render": {"views": 6}}, {"targets", "sheet"}),
        ({"teacher": {"layer": 10}}, {"targets", "weights"}),
        ({"teacher": {"name": "facebook/dinov2-small"}}, {"targets", "weights"}),
        ({"data": {"shapes": {"objects": 100}}}, set(DETERMINANTS) - {"weights"}),
    ],
)
def test_names_change_with_what_determines_the_content_and_with_nothing_else(
    change: dict[str, Any], renamed: set[str]
) -> None:
    one, other = plan(), plan(change)
    names = [(kind, "" if kind == "weights" else "shapes") for kind in DETERMINANTS]
    assert {
        kind for kind, dataset in names if one.name(kind, dataset) != other.name(kind, dataset)
    } == renamed


def test_an_archive_has_the_same_name_wherever_it_lies(tmp_path: Path) -> None:
    moved = plan({"data": {"furniture": {"path": str(tmp_path)}}})
    assert moved.name("points", "furniture") == plan().name("points", "furniture")
    assert moved.archives("furniture")[0].startswith(str(tmp_path))
    assert plan().archives("furniture")[0].startswith("results/downloads/furniture/")


def test_a_file_that_is_replaced_in_the_teachers_folder_gives_another_name(tmp_path: Path) -> None:
    change = {"teacher": {"name": "mine", "path": str(tmp_path / "model")}}
    weights = tmp_path / "model/model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    state = weights.stat()
    before = plan(change)
    weights.write_bytes(b"two")
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = plan(change)
    for kind in ("weights", "targets"):
        dataset = "shapes" if kind == "targets" else ""
        assert before.name(kind, dataset) != after.name(kind, dataset)
    assert before.name("sheet", "shapes") == after.name("sheet", "shapes")
    moved = weights.parent.rename(tmp_path / "moved")
    assert plan({"teacher": {"name": "mine", "path": str(moved)}}).name("weights") == after.name("weights")


def test_an_encoder_to_start_from_counts_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "encoder.safetensors"
    file.write_bytes(b"one")
    change = {"pretrain": {"datasets": ["shapes"], "start_from": str(file)}}
    before = plan(change).start("trained")
    assert before
    file.write_bytes(b"two")
    assert plan(change).start("trained") != before
    assert plan().start("trained") == ""


def test_variants_share_the_artefacts_that_they_agree_in() -> None:
    made = plan({"sweep": {"pose": {"pretrain": {"conditioning": "pose"}}, "few": {"render": {"views": 6}}}})
    assert {
        "trained",
        "shuffled_targets",
        "random_teacher",
        "retrieval",
        "split1",
        "sweep-pose",
        "sweep-few",
    } <= set(made.variants)
    targets = {variant: made.targets("shapes", variant) for variant in made.variants}
    assert targets["trained"] == targets["sweep-pose"] == targets["split1"] == targets["retrieval"]
    assert len({targets["trained"], targets["random_teacher"], targets["sweep-few"]}) == 3
    assert made.weights(targets["trained"].rpartition("/")[2]) == made.weights(
        targets["random_teacher"].rpartition("/")[2]
    )
    catalogs = {made.catalog("shapes", variant) for variant in made.variants}
    assert len(catalogs) == 1 + 1 + 4, "the configured split, that of retrieval, and four more"


def test_settings_are_a_configuration_of_the_sections_that_a_rule_uses() -> None:
    made = plan({"data": {"a.b": {"kind": "folder", "path": "meshes"}}})
    for rule, sections in RULES.items():
        values = json.loads(made.settings(rule, "a.b"))
        assert values.keys() == sections.keys() | {"data"}
        assert values["data"]["a.b"]["path"] == "meshes"
        check(Config, {**SHAPES, **values}, rule)  # every key is known
    assert made.settings("render", "shapes") == made.settings("render", "shapes")
    assert "results/downloads/modelnet/ModelNet40.zip" in made.settings("scan", "modelnet40")
    variant = read_section(DataSettings, "data", made.settings("scan", "scanobjectnn_obj_bg"))
    assert variant.sources["scanobjectnn_obj_bg"].variant == "obj_bg"


def test_inputs_come_back_by_name_and_stores_as_files() -> None:
    made = plan({"pretrain": {"seeds": [3, 4]}})
    named = inputs.training(made, "trained")
    assert inputs.options(named).split()[::2] == ["--input"] * 3
    assert inputs.options(named).split()[3] == f"points={made.points('shapes')}"
    waited = inputs.files(made, named)
    assert f"{made.points('shapes')}/manifest.json" in waited
    assert f"{made.targets('shapes')}/embedding/c/7/0/0" in waited
    first, later = (inputs.answers(made, "shapes", suite) for suite in ("inductive0", "inductive2"))
    assert first["trained"] == ["results/features/shapes/trained/3.zip"]
    assert later["trained"] == ["results/features/shapes/split2/3.zip"]
    assert later["catalog"] == [made.catalog("shapes", "split2")] != first["catalog"]


def test_predictions_and_the_audit_are_made_from_the_first_encoder() -> None:
    made = plan({"run": "mine", "pretrain": {"seeds": [3, 4]}})
    known = inputs.predictions(made, "shapes")
    assert known["features"] == ["results/mine/features/shapes/trained/3.zip"]
    assert known["points"] == [made.points("shapes")]
    assert inputs.audit(made, "shapes") == known | {"targets": [made.targets("shapes")]}
    assert "targets" not in inputs.audit(made, "scanobjectnn_obj_bg"), "it has no views"
    assert made.paths.predictions("shapes") == "results/mine/predictions_shapes.csv"
    assert made.paths.audit("shapes", "html") == "results/mine/audit_shapes.html"
    retuned = plan({"probe": {"C": [1.0], "repeats": 2}})
    for rule in ("predictions", "audit"):
        assert retuned.settings(rule) == made.settings(rule), "they choose C and repeat otherwise"


def test_seconds_are_those_of_the_seeds_in_use() -> None:
    """A folder of benchmark files would hold those of seeds of earlier runs too."""
    accounts = inputs.accounts(plan({"pretrain": {"seeds": [0]}}), "shapes")
    jobs = ["trained/0", "random", "geometry"]
    assert accounts["seconds.features"] == [f"results/benchmarks/features/shapes/{job}.tsv" for job in jobs]
    assert "seconds.pretrain" not in accounts, "the training logs count resumed runs in full"


def test_a_configuration_is_kept_after_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan({"run": "mine"}).write_configuration()
    latest = Path("results/mine/config.yaml")
    kept = Path(f"results/mine/configs/{sha256_file(latest)}.yaml")
    text = kept.read_text()
    assert yaml.safe_load(text)["run"] == "mine"
    plan({"run": "mine", "pretrain": {"epochs": 7}}).write_configuration()
    assert kept.read_text() == text != latest.read_text()


def test_a_run_stays_below_results() -> None:
    assert plan({"run": "mine.2"}).paths.report == "results/mine.2/report.html"
    for run in ("..", ".", "a/b"):
        with pytest.raises(UserError, match=r"run: "):
            plan({"run": run})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data": {"modelnet40": {"path": "nowhere.zip"}}, "probe": {"datasets": ["modelnet40"]}},
            "no such file",
        ),
        ({"probe": {"datasets": ["scanobjectnn_obj_bg"]}}, "ScanObjectNN cannot be downloaded"),
        (
            {"data": {"mine": {"kind": "folder", "path": ".", "up": "w"}}},
            "data.mine.up: Input should be 'file', 'x', 'y' or 'z'",
        ),
        (
            {"data": {"mine": {"kind": "folder", "path": "CLOUDS"}}, "probe": {"datasets": ["mine"]}},
            "has 0 classes",
        ),
        (
            {"data": {"mine": {"kind": "folder", "path": "CLOUDS"}}, "pretrain": {"datasets": ["mine"]}},
            "point clouds",
        ),
        (
            {"data": {"mine": {"kind": "folder", "path": "CLOUDS"}}, "benchmark": {"elsewhere": "mine"}},
            "benchmark.elsewhere: 'mine' has only point clouds",
        ),
        ({"teacher": {"path": "MODEL"}}, "holds another model than teacher.name"),
        ({"teacher": {"name": "mine", "path": "nowhere"}}, "teacher.path: nowhere does not exist"),
        ({"pretrain": {"start_from": "no/such/encoder.safetensors"}}, "encoder.safetensors is no file; give"),
        (
            {"pretrain": {"start_from": "results/encoders/trained/0/encoder.safetensors"}},
            "is written by this run; copy it, or set run",
        ),
        (
            {"data": {"points": 1024, "scanobjectnn": {"path": "CLOUDS"}}}
            | {"probe": {"datasets": ["scanobjectnn_obj_bg"], "protocol": "i2pmae"}},
            "the protocol i2pmae needs 2048 points of 'scanobjectnn_obj_bg'",
        ),
    ],
)
def test_what_cannot_end_well_is_refused_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    (tmp_path / "1.xyz").write_text("0 0 0\n")
    for file in ("results/encoders/trained/0/encoder.safetensors", "model/config.json"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    change = json.loads(json.dumps(change).replace("CLOUDS", str(tmp_path)).replace("MODEL", "model"))
    with pytest.raises(UserError, match=re.escape(message)):
        check_plan(plan(change))


def test_a_benchmark_is_of_a_data_set_that_was_learned_from() -> None:
    check_plan(plan())
    with pytest.raises(UserError, match=r"pretrain\.datasets has no 'furniture'"):
        inputs.table(plan(), "benchmark", "furniture")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that digests are taken of."""
    shutil.copytree(ROOT / "crossjepa", tmp_path / "crossjepa", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "ROOT", tmp_path)
    forget()
    yield tmp_path / "crossjepa"
    forget()


def forget() -> None:
    """Forget the sources, which a process reads once."""
    for cached in (digest.code_digest, digest.module_imports, digest._dump, digest._tree):
        cached.cache_clear()


def counts(file: Path, old: str, new: str, command: str) -> bool:
    """Whether an edit changes a command's digest."""
    before, text = digest.code_digest(command), file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    forget()
    after = digest.code_digest(command)
    file.write_text(text)
    forget()
    return before != after


def test_comments_and_docstrings_do_not_count_and_code_does(copied: Path) -> None:
    file = copied / "pretrain/train.py"
    assert not counts(file, '"""', '"""Edited: ', "pretrain train")
    assert not counts(file, "import ", "# edited\nimport ", "pretrain train")
    assert counts(file, "\nclass ", "\nEDITED = 1\n\n\nclass ", "pretrain train")
    assert not counts(file, "\nclass ", "\nEDITED = 1\n\n\nclass ", "data scan")


def test_the_help_of_options_does_not_count_and_the_command_does(copied: Path) -> None:
    file = copied / "commands/pretrain.py"
    assert not counts(file, 'help="', 'help="Edited: ', "pretrain train")
    tree = ast.parse(file.read_text())
    (train,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "train_command"]
    last = "\n".join(file.read_text().splitlines()[train.body[-1].lineno - 1 : train.body[-1].end_lineno])
    assert counts(file, last, f"    edited = 1\n{last}", "pretrain train")
    assert not counts(file, last, f"    edited = 1\n{last}", "features extract")


def test_settings_and_progress_do_not_count(copied: Path) -> None:
    for name in ("pretrain/settings.py", "config.py", "progress.py"):
        assert not counts(copied / name, "import ", "import sys\nimport ", "pretrain train")


def test_the_imports_of_every_module_are_found() -> None:
    graph = grimp.build_graph("crossjepa", cache_dir=None)
    for module in graph.modules:
        wanted = graph.find_modules_directly_imported_by(module)
        assert wanted <= digest.module_imports(module), module


def test_modules_are_imported_dynamically_only_where_digests_know_it() -> None:
    """Data sets' adapters, which rules name, and the command line."""
    files = [path for path in (ROOT / "crossjepa").rglob("*.py") if "import_module(" in path.read_text()]
    assert {str(path.relative_to(ROOT / "crossjepa")) for path in files} <= {"cli.py", "data/registry.py"}


@pytest.mark.parametrize("rule", rule_bodies())
def test_a_rule_names_the_commands_that_it_calls(rule: str) -> None:
    body = rule_bodies()[rule]
    called = re.findall(r"-m crossjepa ([\w-]+ [\w-]+)", body)
    assert called
    for command in called:
        assert digest.statements(command), command
        assert digest.command_imports(command), command
        assert f'"{command}"' in body or rule.startswith("fetch"), (
            "fetched archives are checked by their digest"
        )


def test_rules_write_no_path_below_results() -> None:
    for rule, body in rule_bodies().items():
        assert "results/" not in body, rule
