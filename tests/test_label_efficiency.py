"""Label efficiency: nested, stratified subsets of whole groups, and plain machines on each of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from crossjepa.probe.command import app
from crossjepa.report.command import app as report
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image
from sklearn.svm import SVC
from test_probe import QUICK, Workplace, as_objects, blobs, split_in_two
from typer.testing import CliRunner

from crossjepa.probe.label_efficiency import DRAWS, PERCENTS, label_efficiency, nested_subsets
from crossjepa.probe.label_efficiency_result import Fraction, LabelEfficiencyResult
from crossjepa.probe.protocols import protocol
from crossjepa.probe.result import read_as
from crossjepa.probe.settings import ProbeSettings
from crossjepa.report.label_efficiency import SYSTEMS

POINTJEPA = protocol("pointjepa", "folder")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 40))
def test_subsets_are_nested_stratified_and_of_whole_groups(seed: int, classes: int, groups: int) -> None:
    _, labels, owner = blobs(seed, classes, groups)
    labels[::7] = 0  # some groups have objects of two classes
    train = np.flatnonzero(owner % 4 > 0) if groups > 4 else np.arange(len(owner))
    largest = np.bincount(owner).max()
    subsets = nested_subsets(labels, owner, train, seed)
    assert len(subsets) == len(PERCENTS)
    for percent, smaller, larger in zip(PERCENTS, subsets, [*subsets[1:], train], strict=True):
        assert set(smaller) <= set(larger) <= set(train)
        assert not set(owner[smaller]) & set(owner[np.setdiff1d(train, smaller)])
        for label in np.unique(labels[train]):
            whole, part = ((labels[rows] == label).sum() for rows in (train, smaller))
            assert part >= max(1, whole * percent / 100)
        if not (labels != owner % classes).any():
            assert len(smaller) < len(train) * percent / 100 + classes * largest
    np.testing.assert_array_equal(np.sort(subsets[-1]), np.sort(train))


def test_a_share_that_comes_out_even_is_met_exactly() -> None:
    rows = np.arange(100)
    subsets = nested_subsets(np.zeros(100, dtype=np.int64), rows, rows, 0)
    assert [len(subset) for subset in subsets] == list(PERCENTS)


def test_draws_differ_by_their_seed_alone() -> None:
    _, labels, owner = blobs(0, 4, 40)
    train, _ = split_in_two(owner)
    one, again, other = (nested_subsets(labels, owner, train, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert set(one) != set(other)


def run(labels: np.ndarray, x: np.ndarray, groups: np.ndarray, chosen: ProbeSettings) -> list[Fraction]:
    """Fractions of one encoder, with features that random weights share."""
    systems = {name: [{"canonical": x, "zz": x}] for name in ("encoder", "random_encoder")}
    return label_efficiency(systems, as_objects(labels, groups), POINTJEPA, chosen, 1)


def test_each_share_is_a_plain_machine_on_its_subset() -> None:
    x, y, groups = blobs(1, 3, 40, noise=2.0)
    train, test = split_in_two(groups)
    for step, fraction in enumerate(run(y, x, groups, QUICK)):
        accuracy = []
        for draw, C in enumerate(fraction.encoder.canonical.chosen_C[0]):
            rows = nested_subsets(y, groups, train, QUICK.seed + draw)[step]
            assert fraction.draws[draw].n_objects == len(rows)
            machine = SVC(kernel="linear", C=C).fit(x[rows], y[rows])
            accuracy.append(100 * machine.score(x[test], y[test]))
        assert len(accuracy) == len(fraction.draws) == (1 if fraction.percent == 100 else DRAWS)
        assert fraction.encoder.canonical.mean == pytest.approx(np.mean(accuracy))
        assert fraction.encoder.canonical.sd == (
            None if fraction.percent == 100 else pytest.approx(np.std(accuracy, ddof=1))
        )


def test_a_subset_too_small_to_choose_with_takes_a_hard_margin() -> None:
    x, y, groups = blobs(1, 3, 40)
    fractions = run(y, x, groups, QUICK)
    assert [draw.C_choice for draw in fractions[0].draws] == ["largest"] * DRAWS  # one group a class
    assert fractions[0].encoder.zz is not None
    assert fractions[0].encoder.zz.chosen_C == [[max(QUICK.C)] * DRAWS]
    assert fractions[-1].draws[0].C_choice == "cross-validation"
    assert fractions[-1].encoder.canonical.chosen_C[0][0] in QUICK.C


def test_the_published_C_is_taken_for_all_where_that_is_asked_for() -> None:
    x, y, groups = blobs(1, 3, 12)
    for fraction in run(y, x, groups, QUICK.model_copy(update={"published_C": True})):
        assert {draw.C_choice for draw in fraction.draws} == {"published"}
        assert set(fraction.encoder.canonical.chosen_C[0]) == {POINTJEPA.published_C}


def test_test_labels_change_neither_subsets_nor_Cs() -> None:
    x, y, groups = blobs(2, 3, 30, noise=2.0)
    shuffled, (_, test) = y.copy(), split_in_two(groups)
    shuffled[test] = np.random.default_rng(0).permutation(y[test])
    assert (shuffled != y).sum() > 5
    once, twice = (run(labels, x, groups, QUICK) for labels in (y, shuffled))
    for a, b in zip(once, twice, strict=True):
        assert a.draws == b.draws
        assert a.encoder.canonical.chosen_C == b.encoder.canonical.chosen_C
    assert once[-1].encoder.canonical.mean > twice[-1].encoder.canonical.mean


def test_threads_change_nothing() -> None:
    x, y, groups = blobs(1, 3, 12, noise=2.0)
    objects = as_objects(y, groups)
    systems = {name: [{"canonical": x, "zz": x}] for name in ("encoder", "random_encoder")}
    one, two = (label_efficiency(systems, objects, POINTJEPA, QUICK, threads) for threads in (1, 2))
    assert one == two


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes of two encoders, one random one and a teacher."""
    workplace = Workplace(tmp_path_factory.mktemp("efficiency"))
    options = {
        "settings": QUICK.model_dump_json(),
        "dataset": "toys",
        "source": '{"kind": "folder", "path": "toys"}',
        "catalog": workplace.at("catalog.parquet"),
        "random": workplace.at("random"),
        "targets": workplace.at("targets"),
        "output": workplace.at("efficiency.json"),
    }
    command = ["label-efficiency", "--encoder", workplace.at("encoder3")]
    command += ["--encoder", workplace.at("encoder4")]
    command += [part for key, value in options.items() for part in (f"--{key}", value)]
    outcome = CliRunner().invoke(app, command, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return workplace.folder / "efficiency.json"


def test_the_result_says_what_was_compared(written: Path) -> None:
    result = read_as(LabelEfficiencyResult, written)
    assert (result.n_train, result.n_test, result.seeds) == (27, 14, [3, 4])
    assert [fraction.percent for fraction in result.fractions] == list(PERCENTS)
    few, all_labels = result.fractions[0], result.fractions[-1]
    assert [draw.n_objects for draw in few.draws] == [3] * DRAWS
    assert [draw.n_objects for draw in all_labels.draws] == [27]
    assert all_labels.encoder.canonical.mean > few.encoder.canonical.mean
    assert all_labels.encoder.canonical.mean > all_labels.random_encoder.canonical.mean + 20
    assert np.shape(few.encoder.canonical.chosen_C) == (2, DRAWS)
    assert few.teacher_views is not None
    assert few.teacher_views.zz is None
    assert all_labels.encoder.canonical.sd is not None  # over two seeds
    assert all_labels.random_encoder.canonical.sd is None


@pytest.mark.parametrize("teacher", [True, False])
def test_the_plot_has_a_line_for_every_system(written: Path, tmp_path: Path, teacher: bool) -> None:
    values = json.loads(written.read_text())
    if not teacher:
        for fraction in values["fractions"]:
            fraction["teacher_views"] = None
    (tmp_path / "result.json").write_text(json.dumps(values))
    command = ["label-efficiency", "--result", str(tmp_path / "result.json")]
    outcome = CliRunner().invoke(
        report, [*command, "--output", str(tmp_path / "a" / "plot.png")], catch_exceptions=False
    )
    assert outcome.exit_code == 0, outcome.output
    pixels = np.asarray(Image.open(tmp_path / "a" / "plot.png").convert("RGB")).reshape(-1, 3)
    colours = [np.round(255 * np.array(to_rgb(colour))) for _, colour, _ in SYSTEMS.values()]
    shown = [(pixels == colour).all(axis=1).sum() for colour in colours]
    assert min(shown[:2]) > 200
    assert (shown[2] > 200) == teacher
