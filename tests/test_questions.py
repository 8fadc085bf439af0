"""The suites: fair draws that share no group, plain machines on them, and reasons where there are none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from test_probe import made_up, split_in_two, system
from workplace import QUICK, as_objects, blobs

from crossjepa.errors import UserError
from crossjepa.probe.answers import answer
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import protocol
from crossjepa.probe.questions import DRAWS, PERCENTS, SUITES, TRIALS, Exam, Question
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.splits import (
    QUERIES,
    crosspoint_pools,
    draw_trial,
    few_labels,
    library_splits,
    nested_subsets,
    repeated_folds,
    usable_classes,
)
from crossjepa.probe.summary import summarise

PUBLISHED = ProbeSettings(published_C=True, seed=3)


def ask(
    suite: str, objects: LabelledObjects, probe: ProbeSettings, name: str = "pointjepa"
) -> list[Question]:
    exam = Exam("toys", objects, protocol(name, "folder"), probe, BenchmarkSettings())
    return list(SUITES[suite][0](exam))


def objects_of(seed: int = 0, classes: int = 6, groups: int = 60) -> tuple[np.ndarray, LabelledObjects]:
    """Features and objects: about 80 training and 40 test objects a class, in groups of one to three."""
    x, y, owner = blobs(seed, classes, groups, noise=3.0)
    return x, as_objects(y, owner, owner % 9 >= 6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([10, 20]), st.booleans())
def test_trials_are_as_the_setting_says_and_share_no_group(seed: int, shot: int, crosspoint: bool) -> None:
    _, objects = objects_of(seed, groups=120)
    labels, groups = objects.labels.copy(), objects.groups
    labels[::11] = 0  # some groups have objects of two classes
    objects = replace(objects, labels=labels)
    pools = crosspoint_pools(objects) if crosspoint else (objects.train, objects.test)
    usable = usable_classes(objects, pools, shot)
    support, queries = draw_trial(objects, pools, usable, 2, shot, (seed,))
    again, _ = draw_trial(objects, pools, usable, 2, shot, (seed,))
    np.testing.assert_array_equal(support, again)
    chosen = np.unique(labels[support])
    assert len(chosen) == 2
    assert set(chosen) <= set(usable)
    for rows, count in ((support, shot), (queries, QUERIES)):
        assert len(set(rows)) == len(rows)
        assert np.bincount(labels[rows])[chosen].tolist() == [count, count]
    assert not set(groups[support]) & set(groups[queries])
    assert set(support) <= set(objects.train)
    assert set(queries) <= set(objects.train if crosspoint else objects.test)


def test_a_class_is_usable_only_if_every_draw_leaves_enough_queries() -> None:
    sizes = [20] + [1] * 29  # ten draws may use up the group of twenty and nine others: twenty are left
    groups = np.repeat(np.arange(30), sizes)
    small = as_objects(np.zeros(len(groups), dtype=np.int64), groups, np.zeros(len(groups), bool))
    assert usable_classes(small, crosspoint_pools(small), 10) == [0]
    for seed in range(50):
        _, queries = draw_trial(small, crosspoint_pools(small), [0], 1, 10, (seed,))
        assert len(queries) == QUERIES
    fewer = replace(small, train=np.arange(len(groups) - 1))
    assert usable_classes(fewer, crosspoint_pools(fewer), 10) == []


@pytest.mark.parametrize("name", ["pointjepa", "recon"])
def test_few_shot_scores_are_those_of_plain_machines_on_the_same_trials(name: str) -> None:
    x, objects = objects_of(1)
    random = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    questions = [q for q in ask("few_shot", objects, PUBLISHED, name) if "5-way 20-shot" in q.name]
    systems = [system("encoder", 7, canonical=x), system("random_encoder", 0, canonical=random)]
    table = answer(questions, systems, objects, 1)
    table.attrs = {"suite": "few_shot"}
    rows = {(row.question, row.system): row for row in summarise(table, PUBLISHED)}
    styles = {"point_bert": (objects.train, objects.test), "crosspoint": crosspoint_pools(objects)}
    for index, (style, pools) in enumerate(styles.items()):
        usable = usable_classes(objects, pools, 20)
        accuracy: list[list[float]] = [[], []]
        for number in range(TRIALS):
            support, queries = draw_trial(objects, pools, usable, 5, 20, (3, index, 5, 20, number))
            for values, scores in zip((x, random), accuracy, strict=True):
                a, b = values[support].astype(float), values[queries].astype(float)
                fitted = SVC(kernel="linear", C=protocol("pointjepa", "folder").published_C)
                if style == "crosspoint":
                    scaler, fitted = StandardScaler().fit(a), SVC(kernel="linear", C=1.0)
                    a, b = scaler.transform(a), scaler.transform(b)
                elif name == "recon":
                    fitted = LinearSVC(C=0.075, random_state=0)
                scores.append(100 * fitted.fit(a, objects.labels[support]).score(b, objects.labels[queries]))
        ours, theirs = np.array(accuracy)
        row = rows[f"{style} 5-way 20-shot", "encoder"]
        assert (row.mean, row.sd) == (pytest.approx(ours.mean()), pytest.approx(ours.std(ddof=1)))
        assert row.gain is not None
        assert row.gain.mean == pytest.approx((ours - theirs).mean())
        assert row.gain.sd == pytest.approx((ours - theirs).std(ddof=1))
        assert row.gain.ci95 is not None
        assert row.gain.ci95[0] < row.gain.mean < row.gain.ci95[1]


def test_what_the_data_cannot_fill_says_why() -> None:
    _, objects = objects_of(classes=5)
    notes = {question.name: question.note for question in ask("few_shot", objects, PUBLISHED)}
    for style in ("point_bert", "crosspoint"):
        assert notes[f"{style} 5-way 10-shot"] is None
        assert notes[f"{style} 10-way 20-shot"] == (
            "10-way 20-shot needs 10 classes with 20 training objects and 20 queries of "
            "other groups; there are 5"
        )


def test_a_data_set_that_fills_no_trial_is_refused() -> None:
    _, objects = objects_of(classes=4)
    with pytest.raises(UserError, match=r"few-shot: too few .* for any setting .*there are 4"):
        ask("few_shot", objects, PUBLISHED)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 40))
def test_subsets_are_nested_stratified_and_of_whole_groups(seed: int, classes: int, groups: int) -> None:
    _, labels, owner = blobs(seed, classes, groups)
    labels[::7] = 0  # some groups have objects of two classes
    train = np.flatnonzero(owner % 4 > 0) if groups > 4 else np.arange(len(owner))
    subsets = nested_subsets(labels, owner, train, PERCENTS, seed)
    for percent, smaller, larger in zip(PERCENTS, subsets, [*subsets[1:], train], strict=True):
        assert set(smaller) <= set(larger) <= set(train)
        assert not set(owner[smaller]) & set(owner[np.setdiff1d(train, smaller)])
        for label in np.unique(labels[train]):
            whole, part = ((labels[rows] == label).sum() for rows in (train, smaller))
            assert part >= max(1, whole * percent / 100)
    np.testing.assert_array_equal(np.sort(subsets[-1]), np.sort(train))


def test_a_share_that_comes_out_even_is_met_exactly() -> None:
    rows = np.arange(100)
    subsets = nested_subsets(np.zeros(100, dtype=np.int64), rows, rows, PERCENTS, 0)
    assert [len(subset) for subset in subsets] == list(PERCENTS)


def test_each_share_of_labels_is_a_plain_machine_on_its_subset() -> None:
    x, y, groups = blobs(1, 3, 40, noise=2.0)
    train, test = split_in_two(groups)
    objects = made_up(y, groups)
    table = answer(ask("label_efficiency", objects, QUICK), [system("encoder", 0, canonical=x)], objects, 1)
    table.attrs = {"suite": "label_efficiency"}
    for step, row in enumerate(summarise(table, QUICK)):
        part, accuracy = table[table["question"] == row.question], []
        for draw, C in part.groupby("split")["C"].first().items():
            rows = nested_subsets(y, groups, train, PERCENTS, QUICK.seed + int(str(draw)))[step]
            accuracy.append(100 * SVC(kernel="linear", C=C).fit(x[rows], y[rows]).score(x[test], y[test]))
        assert len(accuracy) == (1 if row.question == "100%" else DRAWS)
        assert row.mean == pytest.approx(np.mean(accuracy))
        assert row.sd == (None if len(accuracy) == 1 else pytest.approx(np.std(accuracy, ddof=1)))
    first = table[table["question"] == "1%"]
    assert set(first["C"]) == {max(QUICK.C)}, "one group a class is too few to choose C with"


def test_few_labels_draw_no_more_than_asked_and_never_what_is_tested() -> None:
    _, y, groups = blobs(0, 3, 8)
    objects = made_up(y, groups)
    whole = repeated_folds(objects, QUICK)
    for shots in (1, 3, 100):
        splits = few_labels(objects, shots, QUICK)
        assert len(splits) == len(whole)
        for split in splits:
            assert np.bincount(y[split.train]).max() <= shots
            assert not set(groups[split.train]) & set(groups[split.test])
            assert not split.inner
    for few, full in zip(few_labels(objects, 100, QUICK), whole, strict=True):
        assert few.train.tolist() == full.train.tolist()


def in_libraries(libraries: np.ndarray) -> LabelledObjects:
    """48 objects of three classes in pairs of near-duplicates."""
    rows = np.arange(48)
    return as_objects(rows // 2 % 3, rows // 2, rows >= 24, libraries)


def test_a_library_is_never_taught_by_itself_or_by_near_duplicates_in_others() -> None:
    libraries = np.where(np.arange(48) < 25, "a", "b")  # objects 24 and 25 are near-duplicates
    first, second = library_splits(in_libraries(libraries), QUICK)
    assert (set(libraries[first.test]), set(libraries[first.train])) == ({"a"}, {"b"})
    assert set(libraries[second.test]) == {"b"}
    assert 25 not in first.train
    assert 24 not in second.train
    assert library_splits(in_libraries(np.full(48, "a")), QUICK) == []


def test_a_class_that_no_other_library_has_is_not_tested() -> None:
    labels = np.arange(48) // 2 % 3
    libraries = np.where(labels == 2, "alone", np.where(np.arange(48) % 4 < 2, "a", "b"))
    tested = np.concatenate([split.test for split in library_splits(in_libraries(libraries), QUICK)])
    assert 2 not in labels[tested]
    assert len(tested) == 32


def test_a_benchmark_of_an_official_split_is_refused() -> None:
    _, objects = objects_of()
    with pytest.raises(UserError, match="toys: has an official split"):
        ask("benchmark", replace(objects, split_given=True), QUICK)


def test_a_feature_that_tells_the_class_is_right_and_one_that_does_not_is_chance() -> None:
    rng, rows = np.random.default_rng(0), np.arange(120)
    objects = as_objects(rows // 2 % 3, rows // 2, rows >= 60)
    telling = (5 * np.eye(3)[objects.labels] + rng.normal(size=(120, 3))).astype(np.float32)
    silent = [rng.normal(size=(120, 3)).astype(np.float32) for _ in range(3)]
    systems = [system("encoder", 0, canonical=telling)]
    systems += [system("random_encoder", seed, canonical=x) for seed, x in enumerate(silent)]
    table: pd.DataFrame = answer(ask("elsewhere", objects, QUICK), systems, objects, 1)
    table.attrs = {"suite": "benchmark"}
    ours, random = summarise(table, QUICK)
    assert ours.mean > 95
    assert 15 < random.mean < 50
    assert ours.gain is not None
    assert ours.gain.ci95 is not None
    assert ours.gain.mean == pytest.approx(ours.mean - random.mean)
    assert ours.gain.ci95[0] > 40
    assert (random.gain, ours.sd, random.seeds) == (None, None, 3)
