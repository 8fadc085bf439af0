"""Few-shot: fair draws that share no group, plain machines on them, and reasons where there are none."""

from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from crossjepa.probe.command import app
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from test_probe import blobs
from typer.testing import CliRunner

from crossjepa.errors import UserError
from crossjepa.probe.ask import answer_splits
from crossjepa.probe.fewshot import (
    QUERIES,
    TRIALS,
    crosspoint_pools,
    draw_trial,
    few_shot,
    point_bert_pools,
    usable_classes,
)
from crossjepa.probe.fewshot_result import FewShotResult, Setting
from crossjepa.probe.folds import Split, folds_if_enough, grouped_folds
from crossjepa.probe.linear import machine
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import protocol
from crossjepa.probe.result import read_as
from crossjepa.probe.settings import ProbeSettings
from crossjepa.store.bundle import write_bundle

POINTJEPA = protocol("pointjepa", "folder")
PUBLISHED = ProbeSettings(published_C=True, seed=3)


def objects_of(seed: int = 0, classes: int = 6, groups: int = 60) -> tuple[np.ndarray, LabelledObjects]:
    """Features and objects: about 80 training and 40 test objects a class, in groups of one to three."""
    x, y, owner = blobs(seed, classes, groups, noise=3.0)
    test = owner % 9 >= 6
    return x, LabelledObjects(
        ids=[str(i) for i in range(len(y))],
        classes=[f"class {c}" for c in range(classes)],
        labels=y,
        groups=owner,
        digests=np.full(len(y), ""),
        train=np.flatnonzero(~test),
        test=np.flatnonzero(test),
        split_given=False,
        left_out=0,
    )


def both(x: np.ndarray, random: np.ndarray) -> dict[str, list[dict[str, np.ndarray]]]:
    return {"encoder": [{"canonical": x, "zz": x}], "random_encoder": [{"canonical": random, "zz": x}]}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([10, 20]), st.booleans())
def test_trials_are_as_the_setting_says_and_share_no_group(seed: int, shot: int, crosspoint: bool) -> None:
    _, objects = objects_of(seed, groups=120)
    labels, groups = objects.labels.copy(), objects.groups
    labels[::11] = 0  # some groups have objects of two classes
    objects = replace(objects, labels=labels)
    pools = (crosspoint_pools if crosspoint else point_bert_pools)(objects)
    usable = usable_classes(objects, pools, shot)
    support, queries = draw_trial(objects, pools, usable, 2, shot, (seed,))
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
    _, objects = objects_of(classes=2)
    sizes = [20] + [1] * 29  # ten draws may use up the group of twenty and nine others: twenty are left
    groups = np.repeat(np.arange(30), sizes)
    count = len(groups)
    small = replace(
        objects,
        labels=np.zeros(count, dtype=np.int64),
        groups=groups,
        train=np.arange(count),
        test=np.arange(0),
    )
    assert usable_classes(small, crosspoint_pools(small), 10) == [0]
    for seed in range(50):
        _, queries = draw_trial(small, crosspoint_pools(small), [0], 1, 10, (seed,))
        assert len(queries) == QUERIES
    fewer = replace(small, train=np.arange(count - 1))
    assert usable_classes(fewer, crosspoint_pools(fewer), 10) == []


def test_trials_depend_on_the_seed_alone_and_differ() -> None:
    _, objects = objects_of()
    pools, usable = point_bert_pools(objects), list(range(6))
    one, again, other = (np.concatenate(draw_trial(objects, pools, usable, 5, 10, (0, i))) for i in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert set(one) != set(other)


def best_C(x: np.ndarray, objects: LabelledObjects, support: np.ndarray, chosen: ProbeSettings) -> float:
    """The published C, or the one that plain cross-validation inside the trial's objects prefers."""
    if chosen.published_C:
        return POINTJEPA.published_C
    folds = grouped_folds(objects.labels, objects.groups, support, chosen.folds, chosen.seed)
    y, right = objects.labels, dict.fromkeys(chosen.C, 0)
    for C, (inside, outside) in product(right, folds):
        fitted = SVC(kernel="linear", C=C).fit(x[inside].astype(float), y[inside])
        right[C] += int((fitted.predict(x[outside].astype(float)) == y[outside]).sum())
    return max(right, key=lambda C: right[C])


@pytest.mark.parametrize(
    ("name", "chosen"),
    [("pointjepa", PUBLISHED), ("recon", PUBLISHED), ("pointjepa", ProbeSettings(C=[3e-4, 0.05]))],
)
def test_scores_are_those_of_plain_machines_on_the_same_trials(name: str, chosen: ProbeSettings) -> None:
    x, objects = objects_of(1)
    random = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    styles = few_shot(both(x, random), objects, protocol(name, "folder"), chosen, 1)
    pools = {"point_bert": point_bert_pools(objects), "crosspoint": crosspoint_pools(objects)}
    for index, (style, rows) in enumerate(pools.items()):
        setting = styles[style].settings[1]
        assert (setting.way, setting.shot) == (5, 20)
        assert setting.scores is not None
        usable = usable_classes(objects, rows, 20)
        accuracy: list[list[float]] = [[], []]
        for number in range(TRIALS):
            support, queries = draw_trial(objects, rows, usable, 5, 20, (chosen.seed, index, 5, 20, number))
            learned, truth = objects.labels[support], objects.labels[queries]
            for values, scores in zip((x, random), accuracy, strict=True):
                a, b = values[support].astype(float), values[queries].astype(float)
                if style == "crosspoint":
                    scaler, fitted = StandardScaler().fit(a), SVC(kernel="linear", C=1.0)
                    a, b = scaler.transform(a), scaler.transform(b)
                elif name == "recon":
                    fitted = LinearSVC(C=0.075, random_state=0)
                else:
                    fitted = SVC(kernel="linear", C=best_C(values, objects, support, chosen))
                scores.append(100 * fitted.fit(a, learned).score(b, truth))
        ours, theirs = np.array(accuracy)
        assert setting.scores.encoder.canonical.mean == pytest.approx(ours.mean())
        assert setting.scores.encoder.canonical.sd == pytest.approx(ours.std(ddof=1))
        assert setting.scores.random_encoder.canonical.mean == pytest.approx(theirs.mean())
        gain = setting.scores.gain_over_random
        assert gain.canonical.mean == pytest.approx((ours - theirs).mean())
        assert gain.canonical.sd == pytest.approx((ours - theirs).std(ddof=1))
        assert gain.canonical.mean > 15
        assert (gain.zz.mean, gain.zz.sd) == (0, 0)  # equal features on equal trials


@pytest.mark.parametrize("name", ["pointjepa", "recon"])
def test_the_queries_labels_are_not_read(name: str) -> None:
    x, objects = objects_of(3)
    support, queries = draw_trial(objects, point_bert_pools(objects), range(6), 5, 10, (0,))
    split = Split(support, queries, folds_if_enough(objects.labels, objects.groups, support, 5, 0))
    assert len(split.inner) == 5
    hidden = np.full_like(objects.labels, -1)
    hidden[support] = objects.labels[support]
    machines = partial(machine, chosen=protocol(name, "folder"))
    seen, blind = (answer_splits(x, [split], y, machines, [0.01, 1.0])[0] for y in (objects.labels, hidden))
    np.testing.assert_array_equal(seen.labels, blind.labels)
    assert seen.C == blind.C


def test_seeds_are_averaged_within_a_trial() -> None:
    x, objects = objects_of(2)
    noise = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)

    def means(*seeds: np.ndarray) -> float:
        systems = both(x, noise) | {"encoder": [{"canonical": s, "zz": s} for s in seeds]}
        setting = few_shot(systems, objects, POINTJEPA, ProbeSettings(C=[0.1]), 2)["point_bert"].settings[0]
        assert setting.scores is not None
        return setting.scores.encoder.canonical.mean

    assert means(x, noise) == pytest.approx((means(x) + means(noise)) / 2)


def test_what_the_data_cannot_fill_says_why() -> None:
    x, objects = objects_of(classes=5)
    styles = few_shot(both(x, x), objects, POINTJEPA, ProbeSettings(C=[0.1]), 1)
    for style in styles.values():
        filled = {(s.way, s.shot): s.reason for s in style.settings}
        assert filled[5, 10] is filled[5, 20] is None
        for shot in (10, 20):
            assert filled[10, shot] == (
                f"10-way {shot}-shot needs 10 classes with {shot} objects to learn from and 20 queries of "
                "other groups; there are 5"
            )


def test_a_data_set_that_fills_no_setting_is_refused() -> None:
    x, objects = objects_of(classes=4)
    with pytest.raises(UserError, match=r"few-shot: too few .* for any setting .*there are 4"):
        few_shot(both(x, x), objects, POINTJEPA, ProbeSettings(C=[0.1]), 1)


def test_a_setting_has_scores_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either scores or a reason"):
        Setting(way=5, shot=10, scores=None, reason=None)


def test_a_teacher_has_no_turned_clouds() -> None:
    x, objects = objects_of()
    systems = {**both(x, x), "teacher_views": [{"canonical": x}]}
    scores = few_shot(systems, objects, POINTJEPA, ProbeSettings(C=[0.1]), 1)["point_bert"].settings[0].scores
    assert scores is not None
    assert scores.teacher_views is not None
    assert scores.teacher_views.canonical == scores.encoder.canonical
    assert scores.teacher_views.zz is None


@pytest.mark.parametrize("name", ["pointjepa", "i2pmae"])
def test_the_command_writes_what_its_schema_says(tmp_path: Path, name: str) -> None:
    x, objects = objects_of()
    split = np.full(len(x), "train")
    split[objects.test] = "test"
    columns = {"id": objects.ids, "sha256": "", "split_given": False, "split": split}
    names = [objects.classes[label] for label in objects.labels]
    table = pd.DataFrame({**columns, "class": names, "group": [f"g{group}" for group in objects.groups]})
    table.to_parquet(tmp_path / "catalog.parquet")
    noise = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    origin = {"datasets": ["toys"], "objects": 3, "epochs": 1, "seen": []}
    for bundle, values, pretraining in (("encoder", x, origin), ("random", noise, {})):
        attributes = {"ids": objects.ids, "encoder": {"config": {}, "seed": 7}, "pretraining": pretraining}
        write_bundle(tmp_path / bundle, {"canonical_tokens": values, "zz_tokens": values}, attributes)
    command = ["few-shot", "--settings", f'{{"protocol": "{name}", "C": [0.01, 1]}}', "--dataset", "toys"]
    command += ["--source", '{"kind": "folder", "path": "toys"}']
    for option in ("catalog.parquet", "encoder", "random"):
        command += [f"--{option.partition('.')[0]}", str(tmp_path / option)]
    outcome = CliRunner().invoke(
        app, [*command, "--output", str(tmp_path / "a.json")], catch_exceptions=False
    )
    assert outcome.exit_code == 0, outcome.output
    assert "toys, CrossPoint style, 10-way 20-shot: 10-way 20-shot needs 10 classes" in outcome.output
    result = read_as(FewShotResult, tmp_path / "a.json")
    assert (result.seeds, result.trials, result.protocol) == ([7], TRIALS, name)
    assert (result.n_train, result.n_test) == (len(objects.train), len(objects.test))
    scores = result.crosspoint.settings[0].scores
    assert scores is not None
    assert scores.teacher_views is None
    # Of the maximum beside the mean, `i2pmae` takes the maximum alone.
    shown = x if name == "pointjepa" else x[:, :10]
    styles = few_shot(
        both(shown, noise[:, : shown.shape[1]]),
        objects,
        protocol(name, "folder"),
        ProbeSettings(C=[0.01, 1]),
        1,
    )
    assert styles["crosspoint"].settings[0].scores is not None
    assert styles["crosspoint"].settings[0].scores.encoder == scores.encoder
