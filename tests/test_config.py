"""Settings: one source of truth, and mistakes named in full."""

import runpy
from pathlib import Path

import pytest
import yaml

from crossjepa.commands.options import named_paths, read_source
from crossjepa.config import Config
from crossjepa.errors import UserError
from crossjepa.probe.settings import ProbeSettings
from crossjepa.settings import check, read_section

ROOT = Path(__file__).parent.parent


def test_the_default_file_holds_every_default() -> None:
    written = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert written == Config().model_dump(mode="json")


def test_generated_files_are_in_step() -> None:
    generate = runpy.run_path(str(ROOT / "docs/generate.py"))
    pages = {"config/README.md": generate["settings_page"](), "docs/schema.md": generate["results_page"]()}
    pages |= {f"workflow/schemas/{name}": text for name, text in generate["schemas"]().items()}
    for name, text in pages.items():
        assert (ROOT / name).read_text() == text, f"{name}: run python docs/generate.py"


@pytest.mark.parametrize("preset", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_preset_is_valid(preset: Path) -> None:
    check(Config, yaml.safe_load(preset.read_text()), preset.name)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"dta": {}}, "mine.yaml: dta: no such setting; config/README.md lists them all"),
        ({"render": {"view": 3}}, "mine.yaml: render.view: no such setting"),
        ({"render": {"views": "many"}}, "render.views: .*valid integer.* \\(given: 'many'\\)"),
        ({"render": {"views": 0}}, "render.views: .*greater than or equal to 1 \\(given: 0\\)"),
        ({"render": {"layout": "cube"}}, "render.layout: .*'ring' or 'fibonacci' \\(given: 'cube'\\)"),
        ({"probe": {"C": [1.0, -1.0]}}, "probe.C.1: .*greater than 0 \\(given: -1.0\\)"),
        ({"probe": {"C": 1.0}}, "probe.C: .*valid list \\(given: 1.0\\)"),
        ({"pretrain": {"learning_rate": "nan"}}, "pretrain.learning_rate: .*finite"),
        ({"data": {"sed": 3}}, "data.sed: no such setting, and no data set either \\(given: 3\\)"),
        ({"data": {"mine": {"kind": "cloud"}}}, "data.mine: .*'cloud'.*'furniture', 'shapes', 'folder'"),
        ({"data": {"mine": {"kind": "folder"}}}, "data.mine.path: Field required"),
        ({"data": {"mine": {"kind": "shapes", "object": 5}}}, "data.mine.object: no such setting"),
        ({"data": {"mine": {"path": "a"}}}, "data.mine: has no `kind`; give it kind: folder"),
        (
            {"data": {"modelnet40": {"kind": "folder"}}},
            "data.modelnet40.kind: .*shipped .* of kind 'modelnet'; give yours another name",
        ),
        ({"data": {"a b": {"kind": "shapes"}}}, "data: the name 'a b' may hold letters"),
        ({"pretrain": {"datasets": ["cars"]}}, "pretrain.datasets: 'cars' is not a data set under data"),
        ({"probe": {"datasets": ["cars"]}}, "probe.datasets: 'cars' is not a data set under data"),
        (
            {"pretrain": {"views_per_step": 9}},
            "pretrain.views_per_step: 9 is more than render.views; set it to at most 8",
        ),
        ({"run": "../elsewhere"}, "run: .*pattern.* \\(given: '../elsewhere'\\)"),
        ({"run": ".."}, "run: '..' would lead out of results/"),
        ({"run": "."}, "run: '.' would lead out of results/"),
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_what_is_allowed(values: object, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        check(Config, values, "mine.yaml")
    assert "\n" not in str(caught.value)


def test_further_data_sets_need_only_an_entry() -> None:
    config = check(Config, {"data": {"mine": {"kind": "shapes", "objects": 50}}}, "mine.yaml")
    assert config.data.sources["mine"].objects == 50
    scans = {f"scanobjectnn_{variant}" for variant in ("obj_bg", "obj_only", "pb_t50_rs")}
    official = {"modelnet40", "modelnet10", "shapenet", *scans}
    assert set(config.data.sources) == {"furniture", "shapes", "mine", *official}


def test_a_place_may_begin_at_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    data = {"mine": {"kind": "folder", "path": "~/meshes"}, "modelnet40": {"path": "~/a.zip"}}
    sources = check(Config, {"data": data}, "mine.yaml").data.sources
    assert (sources["mine"].path, sources["modelnet40"].path) == ("/home/me/meshes", "/home/me/a.zip")


def test_an_official_set_keeps_its_kind_when_only_its_path_is_given() -> None:
    data = {"modelnet10": {"path": "a.zip"}, "scanobjectnn": {"path": "h5_files"}}
    sources = check(Config, {"data": data}, "mine.yaml").data.sources
    assert (sources["modelnet10"].kind, sources["modelnet10"].categories) == ("modelnet", 10)
    assert sources["scanobjectnn_pb_t50_rs"].variant == "pb_t50_rs"
    assert sources["scanobjectnn_obj_bg"].path == "h5_files"


def test_a_stage_reads_its_section_from_json_or_a_file(tmp_path: Path) -> None:
    assert read_section(ProbeSettings, "probe", '{"probe": {"folds": 3}, "run": "x"}').folds == 3
    (tmp_path / "mine.yaml").write_text("probe: {folds: 4}\nrun: x\n")
    assert read_section(ProbeSettings, "probe", str(tmp_path / "mine.yaml")).folds == 4
    (tmp_path / "broken.yaml").write_text("probe: {folds: 4\n")
    for text, said in {
        "nowhere.yaml": r"nowhere\.yaml: no such configuration file",
        "{folds: 3}": "--settings: not JSON",
        '{"probe": {"folds": 1}}': r"--settings: probe\.folds: .*greater than or equal to 2 \(given: 1\)",
        str(tmp_path / "broken.yaml"): r"broken\.yaml: not YAML",
    }.items():
        with pytest.raises(UserError, match=said) as caught:
            read_section(ProbeSettings, "probe", text)
        assert "\n" not in str(caught.value)


def test_a_stage_reads_a_data_set_s_entry() -> None:
    given = '{"data": {"mine": {"kind": "folder", "path": "/meshes"}}}'
    assert read_source(given, "mine").path == "/meshes"
    assert read_source(given, "scanobjectnn_obj_bg").variant == "obj_bg"
    with pytest.raises(UserError, match="--dataset other: not a data set under data"):
        read_source(given, "other")


def test_inputs_are_named_and_exist(tmp_path: Path) -> None:
    for name in ("b=c", "d"):
        (tmp_path / name).touch()
    paths = named_paths([f"trained={tmp_path}/b=c", "seconds.data=nowhere", f"trained={tmp_path}/d"])
    assert paths == {"trained": [tmp_path / "b=c", tmp_path / "d"], "seconds.data": [Path("nowhere")]}
    for wrong in ("a", "=a", "a="):
        with pytest.raises(UserError, match=f"--input {wrong}: must be NAME=PATH"):
            named_paths([wrong])
    with pytest.raises(UserError, match="--input catalog=nowhere: no such file or folder"):
        named_paths(["catalog=nowhere"])


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"a": {"pretrain": {"epoch": 3}}}, "sweep.a: pretrain.epoch: no such setting"),
        ({"a": {"pretrain": {"seeds": [1]}}}, "sweep.a.pretrain.seeds: all variants share pretrain.seeds"),
        ({"a": {"data": {"points": 2048}}}, "sweep.a.data.*: .*'render', 'teacher' or 'pretrain'"),
        ({"A b": {}}, "sweep.A b.*: String should match pattern"),
    ],
)
def test_a_mistake_in_a_sweep_is_named(sweep: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        check(Config, {"sweep": sweep}, "mine.yaml")
