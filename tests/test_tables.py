"""Intervals cover what they claim, and the table command writes every suite for programs and for people."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from workplace import QUICK, Workplace

from crossjepa.errors import UserError
from crossjepa.probe.intervals import bootstrap_intervals, student_intervals
from crossjepa.probe.result import TableResult, read_as
from crossjepa.probe.summary import summarise
from crossjepa.store.bundle import write_bundle


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    # Twins are right or wrong together.
    draws = pd.DataFrame((rng.random((150, 200)) < 0.7).repeat(2, axis=0).astype(float))
    low, high = bootstrap_intervals(draws, np.arange(300) // 2, 300, 1).T
    assert 0.88 <= np.mean((low <= 0.7) & (high >= 0.7)) <= 0.99


def test_bootstrap_interval_of_twins_is_wider_than_of_strangers() -> None:
    scores = pd.DataFrame((np.random.default_rng(0).random(100) < 0.5).repeat(4).astype(float))
    twins, strangers = (
        np.ptp(bootstrap_intervals(scores, groups, 1000, 0))
        for groups in (np.arange(400) // 4, np.arange(400))
    )
    assert twins == pytest.approx(2 * strangers, rel=0.2)
    right = pd.DataFrame(np.full((9, 1), 100.0))
    assert bootstrap_intervals(right, np.arange(9) // 2, 100, 0).tolist() == [[100, 100]]


def library_rows(rng: np.random.Generator, sizes: list[int], system: str, level: float) -> pd.DataFrame:
    """Answers in libraries, each with an accuracy of its own around `level`."""
    parts = []
    for library, size in enumerate(sizes):
        right = rng.random(size) < np.clip(rng.normal(level, 0.1), 0, 1)
        ids = [f"{library}-{i}" for i in range(size)]
        parts.append(pd.DataFrame({"split": library, "id": ids, "group": ids, "value": 100.0 * right}))
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(question="library", regime="canonical", metric="accuracy", system=system, seed=0)


def test_the_interval_across_libraries_takes_libraries_as_the_unit() -> None:
    """Fault: resampling objects of five libraries covered the truth in 80% of simulations or fewer."""
    rng, sizes, inside = np.random.default_rng(0), [60, 70, 80, 90, 120], []
    for _ in range(250):
        table = pd.concat(
            [library_rows(rng, sizes, s, p) for s, p in (("encoder", 0.6), ("random_encoder", 0.4))]
        )
        table.attrs = {"suite": "benchmark"}
        ours, _ = summarise(table, QUICK)
        assert ours.ci95 is not None
        assert ours.gain is not None
        assert ours.gain.ci95 is not None
        inside.append((ours.ci95[0] <= 60 <= ours.ci95[1], ours.gain.ci95[0] <= 20 <= ours.gain.ci95[1]))
    assert (np.mean(inside, axis=0) >= 0.9).all()


def test_student_intervals_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(70, 5, 4)
    better = own + rng.normal(2, 0.5, 4)
    expected = stats.ttest_rel(better, own).confidence_interval(0.95)
    scores = pd.DataFrame({"one": better - own, "twice": 2 * (better - own)})
    single, double = student_intervals(scores, np.arange(4))
    assert single == pytest.approx((expected.low, expected.high))
    assert double == pytest.approx((2 * expected.low, 2 * expected.high))
    assert np.isnan(student_intervals(scores, np.zeros(4))).all(), "a single cluster"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("tables"))


def write_table(workplace: Workplace, suite: str, answers: list[str], **more: list[str]) -> TableResult:
    inputs = {**workplace.REST, "answers": answers, **more}
    changes = {"sweep": {"long": {"pretrain": {"epochs": 9}}}}
    said = workplace.call("table", inputs, f"{suite}.json", suite, **changes)
    assert said.strip() == (workplace.folder / f"{suite}.md").read_text().strip()
    return read_as(TableResult, workplace.folder / f"{suite}.json")


@pytest.fixture(scope="module")
def benchmark(workplace: Workplace) -> TableResult:
    """Every suite of a benchmark: its own, two splits, another data set, retrieval."""
    flipped = workplace.table["split"].replace({"train": "test", "test": "train"})
    workplace.table.assign(split=flipped).to_parquet(workplace.folder / "flipped.parquet")
    single = {**workplace.SYSTEMS, "trained": ["encoder3"]}
    labels = {"benchmark": {"labels": [1, 5]}}
    controls = {"shuffled_targets": ["random"], "random_teacher": ["random"]}
    workplace.call("answer", {**workplace.SYSTEMS, **controls}, "own.parquet", "benchmark", **labels)
    workplace.call("answer", single, "split0.parquet", "inductive0")
    workplace.call("answer", {**single, "catalog": ["flipped.parquet"]}, "split1.parquet", "inductive1")
    workplace.call("answer", workplace.SYSTEMS, "other.parquet", "elsewhere", dataset="others")
    distance = np.repeat(1 - np.eye(10)[:, None], 2, axis=1).astype(np.float32)
    ids = {"seen": workplace.ids[:10], "unseen": workplace.ids[10:20]}
    equal = np.ones_like(distance)  # an encoder that answers alike for all
    write_bundle(workplace.folder / "distances", {"seen": distance, "unseen": equal}, {"ids": ids})
    answers = ["split0.parquet", "own.parquet", "split1.parquet", "other.parquet"]
    return write_table(workplace, "benchmark", answers, retrieval=["distances"])


def test_a_benchmark_has_every_question_and_system(workplace: Workplace, benchmark: TableResult) -> None:
    cells = {(r.question, r.system): r for r in benchmark.rows if r.metric == "accuracy"}
    assert set(benchmark.questions) == {
        *("canonical", "zz", "partial", "library", "labels_1", "labels_5", "inductive", "elsewhere"),
        *("retrieval_seen", "retrieval_unseen"),
    }
    systems = {system for question, system in cells if question == "canonical"}
    assert systems == {
        *("encoder", "imagined", "tokens_and_imagined", "random_encoder", "geometry", "teacher_views"),
        *("teacher_one_view", "shuffled_targets", "random_teacher"),
    }
    assert ("zz", "teacher_views") not in cells
    assert ("inductive", "shuffled_targets") not in cells
    assert (cells["canonical", "encoder"].seeds, cells["canonical", "teacher_one_view"].seeds) == (2, 4)
    assert cells["labels_1", "encoder"].mean < cells["canonical", "encoder"].mean
    assert benchmark.questions["inductive"].answers == benchmark.n_train + benchmark.n_test
    assert benchmark.questions["elsewhere"].title == "others"
    assert benchmark.pretraining.seconds == 35.0
    assert (benchmark.dataset, benchmark.pretraining.steps) == ("toys", 9)
    shown = (workplace.folder / "benchmark.md").read_text()
    assert "| pretrained: tokens | " in shown
    assert "Gain over random weights" in shown


def test_splits_with_encoders_of_their_own_are_pooled_answer_by_answer(
    workplace: Workplace, benchmark: TableResult
) -> None:
    parts = [pd.read_parquet(workplace.folder / f"split{k}.parquet") for k in (0, 1)]
    values = np.concatenate([part.loc[part["system"] == "encoder", "value"] for part in parts])
    row = next(r for r in benchmark.rows if (r.question, r.system) == ("inductive", "encoder"))
    assert row.mean == pytest.approx(values.mean())
    assert [part["split"].unique().tolist() for part in parts] == [[0], [1]]


def test_a_view_is_found_when_its_own_object_answers_nearest(benchmark: TableResult) -> None:
    found = {(r.question, r.system, r.metric): r.mean for r in benchmark.rows}
    assert found["retrieval_seen", "encoder", "top1"] == found["retrieval_seen", "encoder", "top5"] == 100
    # Of ten equal answers each is the first by chance.
    for system in ("encoder", "chance"):
        assert found["retrieval_unseen", system, "top1"] == pytest.approx(10)
        assert found["retrieval_unseen", system, "top5"] == pytest.approx(50)
    assert benchmark.questions["retrieval_seen"].answers == 20


@pytest.mark.usefixtures("benchmark")
def test_a_distance_that_is_not_finite_is_told(workplace: Workplace) -> None:
    nothing = np.full((2, 1, 2), np.nan, np.float32)
    write_bundle(workplace.folder / "nan", {"seen": nothing}, {"ids": {"seen": workplace.ids[:2]}})
    with pytest.raises(UserError, match="nan: a distance is not a finite number"):
        write_table(workplace, "benchmark", ["own.parquet"], retrieval=["nan"])


def test_few_labels_and_few_shots_are_tables_too(workplace: Workplace) -> None:
    inputs = {name: paths for name, paths in workplace.SYSTEMS.items() if name != "geometry"}
    workplace.call("answer", inputs, "labels.parquet", "label_efficiency")
    result = write_table(workplace, "label_efficiency", ["labels.parquet"])
    rows = {(r.question, r.regime, r.system): r for r in result.rows}
    assert set(result.questions) == {"1%", "5%", "10%", "25%", "50%", "100%"}
    assert "5 draws of 3 to 3 objects; too few to choose C" in result.questions["1%"].description
    assert rows["100%", "canonical", "encoder"].mean > rows["1%", "canonical", "encoder"].mean
    assert rows["100%", "canonical", "encoder"].sd is not None  # over two seeds
    assert ("1%", "zz", "teacher_views") not in rows
    with pytest.raises(UserError, match="few-shot: too few labelled objects"):
        workplace.call("answer", inputs, "few.parquet", "few_shot")


def test_a_sweep_compares_variants_seed_by_seed(workplace: Workplace) -> None:
    for name, more in (("trained", 0.0), ("long", 0.1)):
        for seed in (3, 4):
            workplace.log(f"{name}{seed}.jsonl", 60.0 * seed + 600 * more, unseen_explained=seed / 10 + more)
    variant = "sweep-long"
    inputs = {
        "catalog": ["catalog.parquet"],
        variant: ["encoder3", "encoder4"],
        f"{variant}.metrics": ["long3.jsonl", "long4.jsonl"],
        "trained": ["encoder3", "encoder4"],
        "trained.metrics": ["trained3.jsonl", "trained4.jsonl"],
    }
    workplace.call("answer", inputs, "sweep.parquet", "sweep")
    result = write_table(workplace, "sweep", ["sweep.parquet"])
    rows = {(r.system, r.metric, r.regime): r for r in result.rows}
    explained, same = rows[variant, "unseen_explained", ""], rows[variant, "accuracy", "zz"]
    assert explained.mean == pytest.approx(45)
    assert explained.gain is not None
    assert explained.gain.mean == pytest.approx(10)
    assert explained.gain.ci95 == pytest.approx((10, 10))
    assert same.gain is not None
    assert (same.gain.mean, same.ci95) == (0, None)
    assert rows["trained", "minutes", ""].mean == pytest.approx(3.5)
    assert rows["trained", "unseen_explained", ""].gain is None
    assert f"{variant}:tokens_and_imagined" in {r.system for r in result.rows}
    assert result.variants == {"long": {"pretrain": {"epochs": 9}}}
    assert "- **long**: `pretrain.epochs: 9`" in (workplace.folder / "sweep.md").read_text()


def test_a_table_that_does_not_follow_its_schema_is_told(benchmark: TableResult, tmp_path: Path) -> None:
    values = json.loads(benchmark.model_dump_json()) | {"suite": "linear"}
    (tmp_path / "bad.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="suite"):
        read_as(TableResult, tmp_path / "bad.json")
