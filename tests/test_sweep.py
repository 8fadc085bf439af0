"""Sweeps: settings beside the run's own, seed by seed, and nothing embedded twice."""

import json
from pathlib import Path

import numpy as np
import pytest
from clone import Clone
from PIL import Image
from scipy import stats

from crossjepa.benchmark.sweep import read_swept, summarise_seeds
from crossjepa.benchmark.sweep_result import OWN, SweepResult
from crossjepa.config import Config
from crossjepa.errors import UserError
from crossjepa.probe.result import read_as
from crossjepa.settings import check


def test_a_setting_of_a_sweep_is_the_run_with_some_keys_changed() -> None:
    config = check(
        Config,
        {"pretrain": {"epochs": 7}, "sweep": {"pose": {"pretrain": {"conditioning": "pose"}}}},
        "mine.yaml",
    )
    swept = config.swept["pose"]
    assert (swept.pretrain.epochs, swept.pretrain.conditioning) == (7, "pose")
    assert swept.sweep == {}
    assert config.pretrain.conditioning == "both"


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"a": {"pretrain": {"epochs": 0}}}, r"sweep\.a: pretrain\.epochs: .* \(given: 0\)"),
        ({"a": {"pretrain": {"epoch": 5}}}, r"sweep\.a: pretrain\.epoch: no such setting"),
        ({"a": {"probe": {"folds": 3}}}, r"sweep\.a\.probe"),
        ({"a": {"pretrain": {"seeds": [3]}}}, r"sweep\.a\.pretrain\.seeds: all settings share"),
        ({"a/b": {"pretrain": {"epochs": 5}}}, r"sweep\.a/b.*String should match pattern"),
    ],
)
def test_a_wrong_setting_of_a_sweep_is_named(sweep: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(Config, {"sweep": sweep}, "mine.yaml")


def test_a_change_is_the_paired_difference_with_the_interval_of_a_t_test() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(70, 5, 4)
    better = own + rng.normal(2, 0.5, 4)
    measure = summarise_seeds(better, own)
    expected = stats.ttest_rel(better, own).confidence_interval(0.95)
    assert measure.change is not None
    assert measure.change.mean == pytest.approx((better - own).mean())
    assert measure.change.ci95 == pytest.approx((expected.low, expected.high))
    assert measure.change.ci95[0] > 0, "seeds differ more than settings, and pairing takes that away"
    assert summarise_seeds(own, None).change is None
    assert (summarise_seeds(own[:1], own[1:2]).sd, summarise_seeds(own[:1], own[1:2]).change) == (None, None)


def test_a_sweep_without_the_runs_own_settings_is_refused() -> None:
    other = {"pose": {"changes": {}, "features": [], "metrics": []}}
    with pytest.raises(UserError, match="nothing is called 'as configured'"):
        read_swept(json.dumps(other))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A finished sweep of the real workflow over two settings, one of which has targets of its own."""
    clone = Clone(tmp_path_factory.mktemp("sweep"))
    settings = {
        "pretrain": {"seeds": [0, 1], "epochs": 2},
        "sweep": {"more-epochs": {"pretrain": {"epochs": 3}}, "layer10": {"teacher": {"layer": 10}}},
    }
    (clone.folder / "sweep.yaml").write_text(json.dumps(settings))
    clone.snakemake(
        "results/shapes/sweep_shapes.png",
        "--configfile",
        clone.preset,
        "sweep.yaml",
        "--set-threads",
        "pretrain=1",
    )
    return clone


def test_every_setting_is_trained_with_every_seed(clone: Clone) -> None:
    result = read_as(SweepResult, clone.results / "sweep_shapes.json")
    own, *others = result.settings
    assert own.name == OWN
    assert {setting.name: setting.changes for setting in others} == {
        "layer10": {"teacher": {"layer": 10}},
        "more-epochs": {"pretrain": {"epochs": 3}},
    }
    longer = next(setting for setting in others if setting.name == "more-epochs")
    assert longer.steps * 2 == own.steps * 3
    assert result.seeds == [0, 1]
    for setting in others:
        for name in ("unseen_explained", "tokens_canonical", "tokens_zz", "effective_rank"):
            measure, first = setting.measures[name], own.measures[name]
            assert measure.change is not None
            assert measure.change.mean == pytest.approx(measure.mean - first.mean)
            assert measure.sd is not None


def test_the_comparison_is_written_for_people(clone: Clone) -> None:
    table = (clone.results / "sweep_shapes.md").read_text()
    assert "| more-epochs | " in table
    assert "- **layer10**: `teacher.layer: 10`" in table
    assert Image.open(clone.results / "sweep_shapes.png").size[0] > 1500


def test_settings_share_what_they_have_in_common(clone: Clone) -> None:
    stores = list((clone.folder / "results/targets").iterdir())
    assert len(stores) == 2, "one of the run itself, which longer training shares, and one of the other layer"
    assert len(list((clone.folder / "results/points").iterdir())) == 1
    again = ["results/shapes/sweep_shapes.png", "--configfile", clone.preset, "sweep.yaml"]
    assert clone.planned(*again) == {}
    wider = '{"more-epochs": {pretrain: {epochs: 3}}, layer10: {teacher: {layer: 10}}, pose: {pretrain: '
    planned = clone.planned(*again, "--config", f"sweep={wider}{{conditioning: pose}}}}}}")
    assert planned == {"pretrain": 2, "features": 2, "sweep": 1, "sweep_plot": 1}


@pytest.mark.parametrize(
    ("name", "settings", "stores"), [("recipe", 10, 2), ("ablations", 20, 6), ("schedule", 4, 1)]
)
def test_the_sweeps_that_are_shipped_embed_no_view_twice(
    tmp_path: Path, name: str, settings: int, stores: int
) -> None:
    clone = Clone(tmp_path / "clone", f"config/sweeps/{name}.yaml")
    planned = clone.planned(f"results/{name}/sweep_furniture.png")
    assert planned["pretrain"] == planned["features"] == 3 * settings
    assert planned["teacher"] == 8 * stores
