"""The benchmark: every question is fair, and the real workflow answers them all."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clone import Clone
from PIL import Image

from crossjepa.benchmark.columns import Asked, few_labels, library_splits, pool, repeated_folds, summarise
from crossjepa.benchmark.command import _targets
from crossjepa.benchmark.evaluate import Examiner
from crossjepa.benchmark.evidence import Compared, compare
from crossjepa.benchmark.result import ROWS, BenchmarkResult, Found, Retrieval
from crossjepa.benchmark.retrieval import retrieve
from crossjepa.errors import UserError
from crossjepa.probe.features import Features
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import protocol
from crossjepa.probe.result import read_as
from crossjepa.probe.settings import ProbeSettings
from crossjepa.store.bundle import read_bundle, write_bundle

QUICK = ProbeSettings(folds=3, repeats=2, bootstrap=200, C=[0.1, 1.0])


def made_up(count: int = 48, classes: int = 3) -> LabelledObjects:
    """Objects in pairs of near-duplicates."""
    labels = np.arange(count) // 2 % classes
    return LabelledObjects(
        ids=[f"o{i}" for i in range(count)],
        classes=[f"c{i}" for i in range(classes)],
        labels=labels.astype(np.int64),
        groups=np.arange(count) // 2,
        digests=np.full(count, ""),
        train=np.arange(0, count // 2),
        test=np.arange(count // 2, count),
        split_given=False,
        left_out=0,
    )


def test_few_labels_draw_no_more_than_asked_and_never_what_is_tested() -> None:
    objects = made_up()
    for shots in (1, 3, 100):
        splits = few_labels(objects, shots, QUICK)
        assert len(splits) == 6
        for split in splits:
            assert np.bincount(objects.labels[split.train]).max() <= shots
            assert not set(objects.groups[split.train]) & set(objects.groups[split.test])
            assert not split.inner
    whole = repeated_folds(objects, QUICK)
    for few, full in zip(few_labels(objects, 100, QUICK), whole, strict=True):
        assert few.train.tolist() == full.train.tolist()


def test_a_library_is_never_taught_by_itself_or_by_near_duplicates_elsewhere() -> None:
    objects = made_up()
    libraries = np.where(np.arange(48) < 25, "a", "b")  # objects 24 and 25 are near-duplicates
    first, second = library_splits(objects, libraries, QUICK)
    assert set(libraries[first.test]) == {"a"}
    assert set(libraries[first.train]) == {"b"}
    assert set(libraries[second.test]) == {"b"}
    assert 25 not in first.train
    assert 24 not in second.train
    assert library_splits(objects, np.full(48, "a"), QUICK) == []


def test_a_class_that_no_other_library_has_is_not_asked_about() -> None:
    objects = made_up()
    libraries = np.where(objects.labels == 2, "alone", np.where(np.arange(48) % 4 < 2, "a", "b"))
    tested = np.concatenate([split.test for split in library_splits(objects, libraries, QUICK)])
    assert 2 not in objects.labels[tested]
    assert len(tested) == 32


def features(ids: Sequence[str], values: np.ndarray) -> Features:
    regimes = {"canonical": values.astype(np.float32), "zz": values.astype(np.float32)}
    return Features(Path("made-up"), list(ids), regimes, {})


def test_rows_are_compared_on_the_objects_that_all_have(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "id": [f"o{i}" for i in range(12)],
            "class": ["a", "b"] * 6,
            "group": [f"g{i}" for i in range(12)],
            "split": ["train"] * 8 + ["test"] * 4,
            "sha256": "",
        }
    )
    table.to_parquet(tmp_path / "catalog.parquet")
    ids, rng = table["id"].tolist(), np.random.default_rng(0)
    rows = {
        "tokens": [features(ids[::-1], np.arange(12)[::-1, None] * np.ones(4))],
        "imagined": [features(ids, 100 + np.arange(12)[:, None] * np.ones(2))],
        "random_weights": [features(ids[:11], rng.normal(size=(11, 4)))],
    }
    compared = compare(tmp_path / "catalog.parquet", rows, protocol("pointjepa", "folder"))
    assert compared.objects.ids == ids[:11]
    both = compared.rows["tokens_and_imagined"][0]["canonical"]
    assert both[3].tolist() == [3, 3, 3, 3, 103, 103]


def test_an_answer_is_right_where_the_feature_tells_and_chance_where_it_does_not() -> None:
    objects, rng = made_up(120), np.random.default_rng(0)
    telling = 5 * np.eye(3)[objects.labels] + rng.normal(size=(120, 3))
    silent = [{"canonical": rng.normal(size=(120, 3)).astype(np.float32)} for _ in range(3)]
    rows = {"tokens": [{"canonical": telling.astype(np.float32)}], "random_weights": silent, "geometry": []}
    examiner = Examiner(protocol("pointjepa", "folder"), QUICK, threads=1)
    asked = examiner.ask(Compared(objects, rows), repeated_folds(objects, QUICK), "question")
    assert len(set(asked.ids)) == 120
    assert {row: scores.shape for row, scores in asked.scores.items()} == {
        "tokens": (1, 240),
        "random_weights": (3, 240),
    }
    column = summarise(asked, "title", "question", QUICK)
    ours, random = column.cells["tokens"], column.cells["random_weights"]
    assert ours.mean > 95
    assert 15 < random.mean < 50
    assert ours.over_random is not None
    assert ours.over_random.mean == pytest.approx(ours.mean - random.mean)
    assert ours.over_random.ci95[0] > 40
    assert (random.over_random, ours.sd, random.seeds) == (None, None, 3)


def test_splits_with_encoders_of_their_own_are_pooled_answer_by_answer() -> None:
    one = Asked({"random_weights": np.array([[100.0, 0.0]])}, np.array([1, 2]), np.array(["a", "b"]))
    two = Asked(
        {"random_weights": np.array([[100.0, 100.0, 0.0]])}, np.array([2, 3, 4]), np.array(["b", "c", "d"])
    )
    both = pool([one, two])
    assert both.scores["random_weights"].tolist() == [[100, 0, 100, 100, 0]]
    assert both.groups.tolist() == [1, 2, 2, 3, 4]
    assert summarise(both, "title", "question", QUICK).objects == 4


def test_a_view_is_found_when_its_own_object_answers_nearest(tmp_path: Path) -> None:
    ids = {"seen": [f"s{i}" for i in range(10)], "unseen": [f"u{i}" for i in range(10)]}
    everyone = ids["seen"] + ids["unseen"]
    pd.DataFrame({"id": everyone, "group": everyone}).to_parquet(tmp_path / "catalog.parquet")
    right, second = 1 - np.eye(10), 1 - np.eye(10)
    second[np.arange(10), (np.arange(10) + 1) % 10] = -1.0  # another object's answer lies nearer still
    galleries = {
        name: np.repeat(distance[:, None], 2, axis=1).astype(np.float32)
        for name, distance in {"seen": right, "unseen": second}.items()
    }
    write_bundle(tmp_path / "distances.zip", galleries, {"ids": ids})
    found = retrieve(tmp_path / "distances.zip", tmp_path / "catalog.parquet", QUICK)
    assert (found.seen.top1, found.seen.top5, found.seen.queries) == (100, 100, 20)
    assert (found.unseen.top1, found.unseen.top5, found.unseen.chance) == (0, 100, 10)


def test_an_encoder_that_answers_alike_for_all_finds_by_chance_alone(tmp_path: Path) -> None:
    ids = {name: [f"{name}{i}" for i in range(10)] for name in ("seen", "unseen")}
    everyone = [*ids["seen"], *ids["unseen"]]
    pd.DataFrame({"id": everyone, "group": everyone}).to_parquet(tmp_path / "catalog.parquet")
    copies = np.ones((10, 1, 10), np.float32)
    copies[[0, 0, 1, 1], 0, [0, 1, 0, 1]] = 0.0  # two objects with one file
    write_bundle(tmp_path / "same.zip", {"seen": np.ones((10, 2, 10)), "unseen": copies}, {"ids": ids})
    found = retrieve(tmp_path / "same.zip", tmp_path / "catalog.parquet", QUICK)
    assert found.seen.top1 == found.seen.chance == pytest.approx(10)
    assert found.seen.top5 == pytest.approx(50)
    assert found.unseen.top1 == pytest.approx((2 * 50 + 8 * 10) / 10)
    write_bundle(tmp_path / "nan.zip", {"seen": copies * np.nan, "unseen": copies}, {"ids": ids})
    with pytest.raises(UserError, match="not a finite number"):
        retrieve(tmp_path / "nan.zip", tmp_path / "catalog.parquet", QUICK)


def test_a_target_without_a_number_is_named() -> None:
    found = Found(gallery=10, queries=20, top1=0.0, top5=0.0, ci95=(0.0, 0.0), chance=10.0)
    with pytest.raises(UserError, match=r"benchmark\.targets: no number is called 'tokens\.magic'"):
        _targets({"tokens.magic": 50.0}, {}, Retrieval(seen=found, unseen=found))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A run of the real workflow whose encoders had no time to learn anything."""
    clone = Clone(tmp_path_factory.mktemp("benchmark"))
    more = clone.folder / "more.yaml"
    targets = {"tokens.canonical": 1.0, "retrieval.unseen": 100.0}
    settings = {
        "data": {"assemblies": {"objects": 24}},
        "pretrain": {
            "datasets": ["shapes", {"name": "assemblies", "weight": 0.5}],
            "epochs": 2,
            "snapshots": [1],
        },
        "benchmark": {"splits": 2, "gallery": 12, "labels": [1, 5], "targets": targets},
    }
    more.write_text(json.dumps(settings))
    clone.snakemake(
        "results/shapes/benchmark_shapes.png",
        "--configfile",
        clone.preset,
        "more.yaml",
        "--set-threads",
        "pretrain=1",
    )
    return clone


def test_the_workflow_fills_every_row_and_column(finished: Clone) -> None:
    result = read_as(BenchmarkResult, finished.results / "benchmark_shapes.json")
    assert set(result.columns) == {
        *("canonical", "zz", "inductive", "partial"),
        *("labels_1", "labels_5", "elsewhere"),
    }
    assert set(result.columns["canonical"].cells) == set(ROWS)
    assert "teacher_views" not in result.columns["zz"].cells
    assert "shuffled_targets" not in result.columns["inductive"].cells
    assert result.columns["labels_1"].cells["tokens"].mean < result.columns["canonical"].cells["tokens"].mean
    assert (result.datasets, result.objects) == (["shapes", "assemblies"], result.n_train + 24)
    assert (result.retrieval.unseen.gallery, result.retrieval.seen.gallery) == (12, 12)
    assert [point.epoch for point in result.curve] == [1, 2]
    assert {target.row: target.met for target in result.targets} == {"tokens": True, "retrieval": False}
    assert result.pretraining_seconds > 0


def test_a_benchmark_of_what_was_not_learned_from_is_refused(finished: Clone) -> None:
    refused = finished.snakemake("results/shapes/benchmark_furniture.json", "--dry-run", succeeds=False)
    assert "pretrain.datasets has no 'furniture'" in refused


def test_the_table_and_the_curves_are_written(finished: Clone) -> None:
    table = (finished.results / "benchmark_shapes.md").read_text()
    assert all(name in table for name in ROWS.values())
    assert "| retrieval, unseen | 100.0 |" in table
    assert Image.open(finished.results / "benchmark_shapes.png").size[0] > 1500


def test_retrieval_asks_one_encoder_about_objects_that_it_saw_and_others(finished: Clone) -> None:
    _, attributes = read_bundle(finished.results / "retrieval/shapes/apart0.zip")
    seen, unseen = (set(attributes["ids"][name]) for name in ("seen", "unseen"))
    written = (finished.folder / "results/data").glob("shapes-*/catalog.parquet")
    tested = [set(table.loc[table["split"] == "test", "id"]) for table in map(pd.read_parquet, written)]
    apart = max(tested, key=len)
    assert unseen <= apart
    assert not seen & apart


def test_each_split_was_trained_without_its_test_objects(finished: Clone) -> None:
    written = (finished.folder / "results/data").glob("*/catalog.parquet")
    catalogs = [table for path in written if (table := pd.read_parquet(path))["class"].any()]
    tested = [frozenset(table.loc[table["split"] == "test", "id"]) for table in catalogs]
    assert len(set(tested)) == 3, "two splits, and the one that most objects are kept from"
    logs = (finished.results / "logs/pretrain").glob("*0.log")
    assert {path.stem for path in logs} >= {"trained0", "split1_0", "apart0", "shuffled0", "untaught0"}
