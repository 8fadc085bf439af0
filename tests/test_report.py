"""The HTML page is one file that holds everything; every suite of tables has its plot."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_files import call, extras, prepare, result, write_page

from crossjepa.errors import UserError
from crossjepa.probe.result import SYSTEMS, TableResult
from crossjepa.report.figures import STYLE, accuracy_intervals, training_curves
from crossjepa.report.neighbours import nearest, spread_over_classes
from crossjepa.report.plots import PLOTS


@pytest.fixture
def page(tmp_path: Path) -> str:
    prepare(tmp_path)
    return write_page(tmp_path, result(), *extras(tmp_path))


def test_the_page_stands_alone_and_says_everything(page: str) -> None:
    assert 'src="http' not in page
    assert 'href="http' not in page
    for said in (
        "+5.0",
        "+1.0 to +9.0",
        "70.0",
        "60.5",
        "72.2",
        "random weights",
        "made by code",
        "zero area",
        "texture bark.png is missing",
        "2 .txt passed over: no rows of numbers",
        "no renderer liked it",
        "Ann",
        "64.5",
        "nearest neighbours by cosine",
        "2 test objects have an identical file",
        "5 grouped folds",
        'class="card query"',
    ):
        assert said in page, said
    assert "<mug>" not in page, "names must be escaped"
    assert len(page) < 5_000_000


def test_point_clouds_with_a_split_of_their_own_have_neither_pictures_nor_folds_nor_teacher(
    tmp_path: Path,
) -> None:
    prepare(tmp_path)
    clouds = result() | {"cross_validation": None}
    clouds["baselines"] = clouds["baselines"] | {"teacher_views": None}
    page = write_page(tmp_path, clouds)
    for absent in ("teacher, mean of views", "grouped folds", 'class="card query"', "no renderer liked it"):
        assert absent not in page, absent
    for said in ("No contact sheet", "No pictures of neighbours", "70.0", "+5.0", "zero area"):
        assert said in page, said


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("sheet.png", "--input sheet.png: must be NAME=PATH"),
        (f"sheet.cars={__file__}", "--input sheet.cars: there is no --input result= of 'cars'"),
        (f"sheets.made-up={__file__}", "--input sheets.made-up: not an input of this command"),
    ],
)
def test_an_input_that_has_no_place_on_the_page_is_an_error(tmp_path: Path, pair: str, said: str) -> None:
    prepare(tmp_path)
    with pytest.raises(UserError, match=said):
        write_page(tmp_path, result(), pair)


def test_a_result_without_its_features_is_an_error(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "cars.json").write_text(json.dumps(result() | {"dataset": "cars"}))
    pairs = [f"result={tmp_path / 'cars.json'}", f"features.cars={tmp_path / 'features.zip'}"]
    with pytest.raises(UserError, match=r"--input catalog.cars=PATH is missing"):
        write_page(tmp_path, result(), *pairs)


def test_data_sets_are_joined_by_name_not_by_order(tmp_path: Path) -> None:
    prepare(tmp_path)
    catalog = pd.read_parquet(tmp_path / "catalog.parquet")
    catalog.assign(creator="Bob").to_parquet(tmp_path / "other.parquet")
    (tmp_path / "other.json").write_text(json.dumps(result() | {"dataset": "v1.0"}))
    others = {"catalog.v1.0": "other.parquet", "result": "other.json", "features.v1.0": "features.zip"}
    page = write_page(tmp_path, result(), *(f"{name}={tmp_path / file}" for name, file in others.items()))
    made_up, other = page.split('<h2 id="v1.0">')
    assert "Ann" in made_up
    assert "Bob" not in made_up
    assert "Bob" in other


def test_the_page_calls_the_loss_by_its_name(page: str, tmp_path: Path) -> None:
    assert "mean squared error" in page
    assert "smooth" not in page
    log = pd.read_json(tmp_path / "metrics.jsonl", lines=True)
    figure = training_curves([log], "mean squared error")
    assert figure.axes[0].get_title() == "mean squared error"
    assert len(figure.axes) == 3, "a log without unseen objects has no panel for them"


def test_the_time_of_pretraining_names_the_number_of_seeds(tmp_path: Path) -> None:
    prepare(tmp_path)
    values = result() | {"seeds": [0, 1], "confusion": [[6, 0, 0], [2, 4, 0], [0, 0, 6]]}
    values["provenance"] = values["provenance"] | {"seconds": {"pretrain": 100.0}}
    assert '<td>pretrain (2 seeds)</td><td class="number">100</td>' in write_page(tmp_path, values)


def test_figures_leave_the_global_style_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    prepare(tmp_path)
    write_page(tmp_path, result())
    plot(tmp_path, benchmark())
    assert dict(mpl.rcParams) == before
    assert any(before[name] != value for name, value in STYLE.items())


def test_neighbours_agree_with_plain_cosines() -> None:
    features = np.random.default_rng(1).normal(size=(40, 6)).astype("float32")
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    queries = np.array([3, 17])
    assert nearest(features, queries, 5).tolist() == np.argsort(-cosines[queries], axis=1)[:, :5].tolist()


def test_queries_cover_as_many_classes_as_they_can() -> None:
    labels = np.array(["a"] * 50 + ["b", "b", "c"])
    assert sorted(labels[spread_over_classes(labels, 3)]) == ["a", "b", "c"]
    assert len(set(spread_over_classes(labels, 20).tolist())) == 20


def row(question: str, system: str, regime: str, mean: float, **values: Any) -> dict[str, Any]:
    """One row of a table, with an interval of two points to each side."""
    empty = {"metric": "accuracy", "sd": 1.5, "ci95": [mean - 2, mean + 2], "seeds": 3, "gain": None}
    return {"question": question, "system": system, "regime": regime, "mean": mean} | empty | values


def table(suite: str, titles: dict[str, str], rows: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    """A table of `probe table`."""
    head = ("dataset", "data", "protocol", "protocol_source", "n_train", "n_test", "n_classes", "provenance")
    numbers = {"objects": 9, "answers": 45, "note": None, "description": "a question"}
    trained = {"datasets": ["made-up"], "objects": 21, "epochs": 4}
    return {key: result()[key] for key in head} | {
        "suite": suite,
        "questions": {key: numbers | {"title": title} for key, title in titles.items()},
        "rows": rows,
        "pretraining": trained | {"steps": 30, "parameters": 1942144, "seconds": 60.0},
        "seeds": [0, 1, 2],
        **values,
    }


def benchmark() -> dict[str, Any]:
    """A benchmark of two questions, with retrieval and an ablation, which its plot leaves out."""
    titles = {"canonical": "canonical", "zz": "z/z", "inductive": "inductive", "retrieval_seen": "seen"}
    rows = [row("canonical", name, "canonical", 60 + 3 * i) for i, name in enumerate(SYSTEMS)]
    rows += [row("zz", name, "zz", 50 + 5 * i) for i, name in enumerate(("random_encoder", "encoder"))]
    rows += [row("retrieval_seen", "encoder", "canonical", 44.0, metric="top1")]
    return table("benchmark", titles, rows)


def few_shot() -> dict[str, Any]:
    """Two settings of few-shot classification in both regimes."""
    titles = {"point_bert 5-way 10-shot": "5-way 10-shot", "point_bert 10-way 10-shot": "10-way 10-shot"}
    systems = ("encoder", "random_encoder")
    return table(
        "few_shot",
        titles,
        [
            row(question, system, regime, 70 + i - 9 * (regime == "zz"))
            for question in titles
            for i, system in enumerate(systems)
            for regime in ("canonical", "zz")
        ],
    )


def label_efficiency() -> dict[str, Any]:
    """Three shares of the labels, of a data set without views."""
    titles = {"1%": "1 %", "10%": "10 %", "100%": "100 %"}
    rows = [
        row(share, system, regime, mean + 5 * (system == "encoder"), ci95=None)
        for share, mean in zip(titles, (30, 55, 70), strict=True)
        for system in ("encoder", "random_encoder")
        for regime in ("canonical", "zz")
    ]
    return table("label_efficiency", titles, rows)


def sweep() -> dict[str, Any]:
    """Two variants beside the configured settings; the data set has no z/z accuracy."""
    rows = []
    for name, mean in (("trained", 70.0), ("sweep-mse", 71.0), ("sweep-no-colour", 66.0)):
        gain = {"mean": mean - 70, "sd": 1.0, "ci95": [mean - 72, mean - 68]}
        change = {"ci95": None, "gain": None if name == "trained" else gain}
        rows.append(row("sweep", name, "canonical", mean, **change))
        rows.append(row("sweep", name, "", mean / 2, metric="unseen_explained", **change))
        rows.append(row("sweep", f"{name}:tokens_and_imagined", "canonical", 1.0, **change))
    variants = {"trained": {}, "sweep-mse": {"pretrain": {"loss": "mse"}}, "sweep-no-colour": {}}
    return table("sweep", {"sweep": "sweep"}, rows, variants=variants)


def plot(folder: Path, values: dict[str, Any], *logs: Path) -> Path:
    """The PNG that the command writes."""
    (folder / "table.json").write_text(json.dumps(values))
    inputs = [f"table={folder / 'table.json'}", *(f"metrics={log}" for log in logs)]
    call("plot", inputs, folder / "plots/plot.png")
    return folder / "plots/plot.png"


@pytest.mark.parametrize("values", [benchmark(), few_shot(), label_efficiency(), sweep()])
def test_every_suite_has_a_plot(tmp_path: Path, values: dict[str, Any]) -> None:
    pixels = np.asarray(Image.open(plot(tmp_path, values)).convert("L"))
    assert 0.005 < (pixels < 200).mean() < 0.5, "the plot is neither blank nor black"
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["plot.png"]


def test_the_benchmark_plots_its_logs_and_the_compared_systems(tmp_path: Path) -> None:
    prepare(tmp_path)
    run = pd.read_json(tmp_path / "metrics.jsonl", lines=True)
    run["unseen_explained"] = [np.nan, 0.1, 0.2]
    result = TableResult.model_validate(benchmark())
    *curves, accuracies = PLOTS["benchmark"](result, [run, run]).axes
    assert [axis.get_title() for axis in curves] == [
        "loss",
        "variance explained, unseen objects",
        "effective rank of a batch's features",
    ]
    assert [len(axis.lines) for axis in curves] == [2, 2, 2]
    assert curves[1].lines[0].get_xydata().tolist() == [[20, 0.1], [30, 0.2]]
    shown = [text.get_text() for text in accuracies.get_legend().get_texts()]
    assert shown == [SYSTEMS[name] for name in ("encoder", "random_encoder", "teacher_views")]
    assert [tick.get_text() for tick in accuracies.get_yticklabels()] == ["canonical", "z/z"]
    assert len(PLOTS["benchmark"](result, []).axes) == 1


def test_label_efficiency_draws_accuracies_over_shares_with_bands() -> None:
    canonical, zz = PLOTS["label_efficiency"](TableResult.model_validate(label_efficiency()), []).axes
    assert [line.get_xydata().tolist() for line in canonical.lines] == [
        [[1, 35], [10, 60], [100, 75]],
        [[1, 30], [10, 55], [100, 70]],
    ]
    assert len(zz.lines) == 2
    heights = canonical.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (33.5, 76.5)


def test_a_sweep_draws_gains_around_the_configured_settings() -> None:
    explained, canonical = PLOTS["sweep"](TableResult.model_validate(sweep()), []).axes
    assert explained.get_title() == "explained variance, unseen objects, %"
    assert [tick.get_text() for tick in explained.get_yticklabels()] == ["trained", "mse", "no-colour"]
    assert [line.tolist() for line in canonical.collections[0].get_segments() if len(line)] == [
        [[69, 1], [73, 1]],
        [[64, 2], [68, 2]],
    ]


def test_intervals_of_different_series_do_not_hide_one_another() -> None:
    scores = [("lamp", "one", 70.0, 68.0, 72.0), ("lamp", "two", 70.0, 60.0, 80.0)]
    first, second = accuracy_intervals(scores).axes[0].lines
    assert first.get_ydata()[0] != second.get_ydata()[0]


@pytest.mark.parametrize(
    "pair", [f"metrics={__file__}", f"metric={__file__}"], ids=["without a table", "with an unknown input"]
)
def test_a_plot_needs_a_table(tmp_path: Path, pair: str) -> None:
    with pytest.raises(UserError, match="--input table=PATH is missing"):
        call("plot", [pair], tmp_path / "plot.png")
