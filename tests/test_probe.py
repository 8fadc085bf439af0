"""The probe: nothing leaks, numbers are those of plain scikit-learn, the JSON follows its schema."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from crossjepa.probe.command import app
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from typer.testing import CliRunner

from crossjepa.errors import UserError
from crossjepa.probe.evaluate import evaluate
from crossjepa.probe.features import bundled_features, teacher_features
from crossjepa.probe.folds import grouped_folds, nested_folds
from crossjepa.probe.intervals import group_interval
from crossjepa.probe.linear import GramMachine, LiblinearMachine, LibsvmMachine, choose_C, machine, pooled
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.protocols import PROTOCOLS, protocol
from crossjepa.probe.provenance import checkout, stage_seconds
from crossjepa.probe.result import ProbeResult, read_result, write_result
from crossjepa.probe.settings import ProbeSettings
from crossjepa.store import seal, sharded
from crossjepa.store.bundle import write_bundle

QUICK = ProbeSettings(C=[1e-3, 1e-1, 10.0], folds=3, repeats=2, bootstrap=200)
DEFAULT = protocol("pointjepa", "folder")
CANDIDATES = [1e-4, 1e-2, 1.0, 100.0]


def blobs(
    seed: int = 0, classes: int = 4, groups: int = 12, noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 20) around a mean a class, labels and groups of one to three near-duplicates."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, classes * groups)
    owner = np.repeat(np.arange(classes * groups), sizes)
    labels = owner % classes
    centres = rng.normal(size=(classes, 20)) + noise * 0.5 * rng.normal(size=(groups, classes, 20))
    features = centres.reshape(-1, 20)[owner] + noise * rng.normal(size=(len(owner), 20))
    return features.astype(np.float32), labels.astype(np.int64), owner.astype(np.int64)


def split_in_two(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    test = groups % 10 >= 7
    return np.flatnonzero(~test), np.flatnonzero(test)


def as_objects(labels: np.ndarray, groups: np.ndarray) -> LabelledObjects:
    train, test = split_in_two(groups)
    names = [f"class {c}" for c in range(labels.max() + 1)]
    ids = [str(i) for i in range(len(labels))]
    return LabelledObjects(ids, names, labels, groups, np.array(ids), train, test, False, 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")
def test_machines_answer_as_plain_scikit_learn(seed: int, classes: int) -> None:
    x, y, groups = blobs(seed, classes, noise=2.0)
    train, test = split_in_two(groups)
    answers = []
    for C in CANDIDATES:
        plain = SVC(kernel="linear", C=C).fit(x[train], y[train]).predict(x[test])
        for built in (GramMachine(x), LibsvmMachine(x)):
            np.testing.assert_array_equal(built.predict(y, train, test, C), plain)
        answers.append(plain.tobytes())
        one_against_rest = LinearSVC(C=C, random_state=0).fit(x[train].astype(float), y[train])
        np.testing.assert_array_equal(
            LiblinearMachine(x).predict(y, train, test, C), one_against_rest.predict(x[test].astype(float))
        )
    assert len(set(answers)) > 1


def test_equal_votes_go_to_the_first_class_as_in_libsvm() -> None:
    """Three classes whose machines vote in a circle between them."""
    angles = 2 * np.pi * np.arange(3) / 3
    x = np.column_stack([np.cos(angles), np.sin(angles)]).repeat(4, axis=0).astype(np.float32)
    y = np.arange(3).repeat(4)
    everywhere = np.random.default_rng(0).normal(size=(500, 2), scale=0.01).astype(np.float32)
    both, rows = np.concatenate([x, everywhere]), np.arange(12)
    labels = np.concatenate([y, np.zeros(500, np.int64)])
    ours = LibsvmMachine(both).predict(labels, rows, np.arange(12, 512), 1.0)
    np.testing.assert_array_equal(ours, SVC(kernel="linear", C=1.0).fit(x, y).predict(everywhere))


def test_protocols_are_those_published() -> None:
    """cloud, points, pooling, classifier and C, as the field's papers state them."""
    table = {
        name: (p.selection, p.points, p.pooling, p.classifier, p.published_C) for name, p in PROTOCOLS.items()
    }
    assert table == {
        "pointjepa": ("farthest", 1024, "max_mean", "svc", 0.012),
        "crosspoint": ("first", 1024, "max_mean", "svc", 0.01),
        "i2pmae": ("first", 1024, "max", "svc", 0.0093),
        "recon": ("farthest", 1024, "max_mean", "linear_svc", 0.075),
    }
    scans = protocol("i2pmae", "scanobjectnn")
    assert (scans.points, scans.published_C) == (2048, 0.018)
    assert protocol("pointjepa", "scanobjectnn") == protocol("pointjepa", "modelnet")


def test_protocols_choose_feature_and_machine() -> None:
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    assert np.array_equal(pooled(x, protocol("i2pmae", "modelnet")), x[:, :3])
    assert np.array_equal(pooled(x, DEFAULT), x)
    assert isinstance(machine(x, DEFAULT), GramMachine)
    assert isinstance(machine(np.zeros((2001, 1), np.float32), DEFAULT), LibsvmMachine)
    assert isinstance(machine(x, protocol("recon", "modelnet")), LiblinearMachine)


@pytest.mark.parametrize("seed", range(3))
def test_choice_of_C_is_that_of_a_grid_search_over_the_same_folds(seed: int) -> None:
    x, y, groups = blobs(seed, noise=2.5)
    train, _ = split_in_two(groups)
    folds = grouped_folds(y, groups, train, 5, seed)
    search = GridSearchCV(
        SVC(kernel="linear"),
        {"C": CANDIDATES},
        # One held-out score over all objects, as ours: folds weighted by their size.
        scoring=lambda machine, a, b: (machine.predict(a) == b).sum(),
        cv=folds,
    )
    search.fit(x, y)
    assert choose_C(GramMachine(x), y, folds, CANDIDATES, threads=2) == search.best_params_["C"]


def test_of_equally_good_Cs_the_smallest_is_chosen() -> None:
    x, y, groups = blobs(noise=0.01)
    folds = grouped_folds(y, groups, np.arange(len(y)), 3, 0)
    assert choose_C(GramMachine(x), y, folds, [1.0, 10.0, 100.0]) == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 6), st.integers(2, 8))
def test_groups_never_straddle_folds_and_every_object_is_held_out_once(
    seed: int, classes: int, groups: int, folds: int
) -> None:
    _, y, g = blobs(seed, classes, groups)
    rows = np.arange(len(y))[::2] if groups > 4 else np.arange(len(y))
    cut = grouped_folds(y, g, rows, folds, seed)
    assert len(cut) <= folds
    assert sorted(np.concatenate([held for _, held in cut])) == sorted(rows)
    for train, held in cut:
        assert not set(g[train]) & set(g[held])
        assert sorted([*train, *held]) == sorted(rows)


def test_inner_folds_stay_inside_the_training_part() -> None:
    _, y, groups = blobs()
    for split in nested_folds(y, groups, 4, 0):
        assert not set(groups[split.train]) & set(groups[split.test])
        for train, held_out in split.inner:
            assert {*train, *held_out} == set(split.train)


def test_a_class_with_fewer_groups_than_folds_raises_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    y = np.array([0] * 12 + [1] * 12 + [2, 2])
    assert len(grouped_folds(y, np.arange(26), np.arange(26), 5, 0)) == 5
    assert not recwarn.list


def test_too_few_groups_are_told() -> None:
    y = np.array([0, 0, 1, 1])
    with pytest.raises(UserError, match="no class has two groups"):
        grouped_folds(y, y, np.arange(4), 5, 0)


def test_folds_depend_on_the_seed_alone() -> None:
    _, y, groups = blobs()
    first, again, other = (grouped_folds(y, groups, np.arange(len(y)), 4, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True))


def test_test_labels_change_no_prediction() -> None:
    x, y, groups = blobs(noise=2.0)
    objects = as_objects(y, groups)
    shuffled = y.copy()
    shuffled[objects.test] = np.random.default_rng(0).permutation(y[objects.test])
    assert (shuffled != y).sum() > 10
    once = evaluate({"encoder": [{"canonical": x}]}, objects, DEFAULT, QUICK, 1)
    twice = evaluate({"encoder": [{"canonical": x}]}, replace(objects, labels=shuffled), DEFAULT, QUICK, 1)
    for system in ("encoder", "majority"):
        np.testing.assert_array_equal(once[system]["canonical"].fixed, twice[system]["canonical"].fixed)
    assert once["encoder"]["canonical"].chosen_C == twice["encoder"]["canonical"].chosen_C


def test_evaluation_is_the_plain_procedure_written_out() -> None:
    x, y, groups = blobs(noise=2.0)
    objects = as_objects(y, groups)
    answers = evaluate({"encoder": [{"canonical": x}, {"canonical": -2 * x}]}, objects, DEFAULT, QUICK, 2)[
        "encoder"
    ]["canonical"]
    assert answers.fixed.shape == (2, len(objects.test))
    assert answers.held_out.shape == (2, QUICK.repeats, len(y))
    machine = SVC(kernel="linear", C=answers.chosen_C[0]).fit(x[objects.train], y[objects.train])
    np.testing.assert_array_equal(answers.fixed[0], machine.predict(x[objects.test]))
    for split in nested_folds(y, groups, QUICK.folds, QUICK.seed + 1):
        C = choose_C(GramMachine(x), y, split.inner, sorted(QUICK.C))
        machine = SVC(kernel="linear", C=C).fit(x[split.train], y[split.train])
        np.testing.assert_array_equal(answers.held_out[0, 1, split.test], machine.predict(x[split.test]))


def test_threads_change_nothing() -> None:
    x, y, groups = blobs(noise=2.0)
    one, two = (
        evaluate({"encoder": [{"zz": x}]}, as_objects(y, groups), DEFAULT, QUICK, n)["encoder"]["zz"]
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one.held_out, two.held_out)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    groups = np.arange(300) // 2
    draws = (rng.random((200, 150)) < 0.7).repeat(2, axis=1).astype(float)  # twins fall or stand together
    inside = [low <= 0.7 <= high for low, high in (group_interval(d, groups, 300, 1) for d in draws)]
    assert 0.88 <= np.mean(inside) <= 0.99


def test_interval_of_twins_is_wider_than_of_strangers() -> None:
    scores = (np.random.default_rng(0).random(100) < 0.5).repeat(4).astype(float)
    twins, strangers = (group_interval(scores, g, 1000, 0) for g in (np.arange(400) // 4, np.arange(400)))
    assert np.ptp(twins) == pytest.approx(2 * np.ptp(strangers), rel=0.2)


def test_interval_of_a_constant_is_a_point() -> None:
    assert group_interval(np.full(9, 100.0), np.arange(9) // 2, 100, 0) == (100.0, 100.0)


# --- the command, on a synthetic data set with stores -------------------------------------------------

CLASSES, PER_CLASS = ("bed", "chair", "lamp"), 14
BAD = "chair-13"


class Workplace:
    """All files that the command reads: 42 labelled objects, 6 unlabelled, one set aside as a target."""

    def __init__(self, folder: Path) -> None:
        self.folder, rng = folder, np.random.default_rng(0)
        labels = np.repeat(np.arange(3), PER_CLASS)
        labelled = [f"{c}-{i}" for c in CLASSES for i in range(PER_CLASS)]
        self.ids = [*labelled, *(f"extra-{i}" for i in range(6))]
        split = ["train" if i < 9 else "test" for _ in CLASSES for i in range(PER_CLASS)]
        self.table = pd.DataFrame(
            {
                "id": self.ids,
                "sha256": [hashlib.sha256(i.encode()).hexdigest() for i in self.ids],
                "split_given": False,
                "class": [CLASSES[c] for c in labels] + [""] * 6,
                "group": [f"g{i}" for i in range(48)],
                "split": split + ["pretrain"] * 6,
            }
        )
        self.table.to_parquet(folder / "catalog.parquet")
        signal = np.zeros((48, 8), dtype=np.float32)
        signal[np.arange(42), labels] = 4.0
        self.good = signal + rng.normal(size=(48, 8)).astype(np.float32)
        order = rng.permutation(48)  # bundles and catalog need not agree on the order
        shown = [self.ids[i] for i in order]
        size = {"parameters": 7, "config": {"dim": 4}}
        origin = {"datasets": ["toys"], "objects": 33, "epochs": 2, "ids_sha256": "0" * 64}
        seen = [d[:16] for d, s in zip(self.table["sha256"], self.table["split"], strict=True) if s != "test"]
        for seed in (3, 4):
            self.bundle(
                f"encoder{seed}", shown, self.good[order], size | {"seed": seed}, origin | {"seen": seen}
            )
        noise = rng.normal(size=(48, 8)).astype(np.float32)
        self.bundle("random", shown, noise[order], size | {"seed": 0}, {})
        self.bundle("geometry", shown, self.good[order, :2], {}, {})
        self.store("points", {"xyz": rng.normal(size=(48, 5, 3)).astype(np.float32)}, {})
        views = (self.good[:, None] + rng.normal(size=(48, 4, 8))).astype(np.float16)
        self.store("targets", {"embedding": views}, {BAD: "no texture"})
        (folder / "run.yaml").write_text("run: x\n")
        for name, seconds in {"render/a": 1.5, "render/b": 2.0, "teacher/deep/a": 4.0}.items():
            file = folder / "benchmarks" / f"{name}.tsv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t-\n")

    def bundle(self, name: str, ids: list[str], values: np.ndarray, encoder: Any, pretraining: Any) -> None:
        write_bundle(
            self.folder / name,
            {
                "canonical_tokens": values,
                "zz_tokens": values[:, ::-1] + 0.5,
                "canonical_imagined": 2 * values,
                "zz_imagined": values,
            },
            {"ids": ids, "encoder": encoder, "pretraining": pretraining},
        )

    def store(self, name: str, arrays: dict[str, np.ndarray], set_aside: dict[str, str]) -> None:
        path, layout = self.folder / name, sharded.Layout(objects=48, shards=2, chunk=32)
        specs = {k: sharded.ArraySpec(v.shape[1:], str(v.dtype)) for k, v in arrays.items()}
        sharded.create(path, layout, specs, {})
        for shard in range(2):
            rows = layout.positions(shard)
            ids = [self.ids[r] for r in rows]
            bad = {i: reason for i, reason in set_aside.items() if i in ids}
            sharded.write_shard(path, shard, ids, {k: v[list(rows)] for k, v in arrays.items()}, bad)
        seal.seal(path, self.ids, 0.5)

    def run(self, **changed: str | None) -> ProbeResult:
        options = {
            "settings": QUICK.model_dump_json(),
            "dataset": "toys",
            "source": '{"kind": "folder", "path": "toys"}',
            "catalog": "catalog.parquet",
            "random": "random",
            "geometry": "geometry",
            "points": "points",
            "targets": "targets",
            "run-config": "run.yaml",
            "output": "probe.json",
        } | changed
        command = [
            "linear",
            "--threads",
            "2",
            "--encoder",
            self.at("encoder3"),
            "--encoder",
            self.at("encoder4"),
        ]
        for stage in ("render", "teacher"):
            command += ["--benchmarks", f"{stage}={self.at('benchmarks')}/{stage}"]
        for key, value in options.items():
            if value is None:
                continue
            command += [f"--{key}", value if key in ("settings", "dataset", "source") else self.at(value)]
        outcome = CliRunner().invoke(app, command, catch_exceptions=False)
        assert outcome.exit_code == 0, outcome.output
        self.said = outcome.output
        return read_result(self.folder / str(options["output"]))

    def at(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="module")
def result(workplace: Workplace) -> ProbeResult:
    return workplace.run()


def test_counts_and_names(result: ProbeResult) -> None:
    assert (result.n_train, result.n_test, result.n_classes, result.n_left_out) == (27, 14, 3, 1)
    assert result.classes == list(CLASSES)
    assert result.seeds == [3, 4]
    assert result.encoder.parameters == 7
    assert {name: c.n_test for name, c in result.per_class.items()} == {"bed": 5, "chair": 4, "lamp": 5}


def test_signal_is_found_and_noise_is_not(result: ProbeResult) -> None:
    assert result.accuracy.canonical.mean > 85
    assert result.accuracy.zz is not None
    assert result.accuracy.zz.mean > 85
    assert result.baselines.random_encoder.canonical.mean < 65
    assert result.baselines.teacher_views.canonical.mean > 85
    assert result.baselines.majority.canonical.mean == pytest.approx(100 * 5 / 14)
    assert result.gain_over_random.canonical.ci95[0] > 0


def test_numbers_agree_with_one_another(result: ProbeResult) -> None:
    confusion = np.array(result.confusion)
    assert confusion.sum(axis=1).tolist() == [10, 8, 10]
    assert result.accuracy.canonical.mean == pytest.approx(100 * np.trace(confusion) / confusion.sum())
    assert result.accuracy.canonical.mean == pytest.approx(np.mean(result.per_seed.canonical))
    assert result.accuracy.canonical.sd == pytest.approx(np.std(result.per_seed.canonical, ddof=1))
    for label, name in enumerate(result.classes):
        assert result.per_class[name].canonical == pytest.approx(
            100 * confusion[label, label] / confusion[label].sum()
        )
    gain = result.accuracy.canonical.mean - result.baselines.random_encoder.canonical.mean
    assert result.gain_over_random.canonical.mean == pytest.approx(gain)
    assert all(C in QUICK.C for C in result.chosen_C.canonical + result.chosen_C.zz)


def test_null_means_what_the_schema_says(result: ProbeResult) -> None:
    assert result.baselines.teacher_views.zz is None
    assert result.baselines.geometry.canonical.sd is None
    assert result.baselines.random_encoder.canonical.sd is None


def test_says_what_pretraining_saw(result: ProbeResult) -> None:
    assert (result.pretraining.saw_test_objects, result.pretraining.saw_objects) == (0, 27)
    assert result.pretraining.same_dataset
    assert result.copies_in_train == 0
    assert result.cross_validation.n_seen == 27
    assert result.cross_validation.n_objects == 41
    assert result.cross_validation.saw_test_objects == "partly"


def test_a_data_set_with_its_own_split_and_no_views(workplace: Workplace) -> None:
    """Official splits are kept without cross-validation; copies across them are counted; no teacher."""
    table = workplace.table.assign(split_given=True)
    table.loc[table["id"] == "bed-12", "sha256"] = table.loc[table["id"] == "bed-1", "sha256"].item()
    table.to_parquet(workplace.folder / "given.parquet")
    given = workplace.run(catalog="given.parquet", targets=None, dataset="others", output="given.json")
    assert given.cross_validation is None
    assert given.baselines.teacher_views is None
    assert given.n_test == 15, "no system lacks the object that has no views"
    assert set(given.provenance.stores) == {"points"}
    assert (given.copies_in_train, given.pretraining.saw_test_objects) == (1, 1)
    assert not given.pretraining.same_dataset


def test_objects_without_a_digest_are_copies_of_nothing(workplace: Workplace, tmp_path: Path) -> None:
    """Nor has pretraining seen them; a catalog that says nothing of its split was split by us."""
    table = workplace.table.drop(columns="split_given")
    table["sha256"] = table["sha256"].where(table["class"] == "bed", "")
    table.to_parquet(tmp_path / "catalog.parquet")
    objects = labelled_objects(tmp_path / "catalog.parquet", workplace.ids)
    assert objects.copies_in_train == 0
    assert objects.seen_by({"", *(digest[:16] for digest in table["sha256"])}).sum() == PER_CLASS
    assert not objects.split_given


def test_a_C_at_the_end_of_the_candidates_is_told(workplace: Workplace) -> None:
    told = "toys: the best C for {} is the largest of probe.C; a larger may be better"
    for C, expected in ([1e-2, 1e2], False), ([1e-2], True):
        workplace.run(settings=QUICK.model_copy(update={"C": C}).model_dump_json(), output="end.json")
        assert (told.format("encoder") in workplace.said) == expected
    assert told.format("majority") not in workplace.said


def test_the_published_C_is_taken_without_choosing(workplace: Workplace) -> None:
    settings = QUICK.model_copy(update={"published_C": True, "protocol": "recon"}).model_dump_json()
    taken = workplace.run(settings=settings, output="published.json")
    assert (taken.C_choice, set(taken.chosen_C.canonical)) == ("published", {0.075})
    assert taken.protocol_source == "ReCon, arXiv 2302.02318"


def test_other_classifiers_are_plain_scikit_learn(workplace: Workplace, result: ProbeResult) -> None:
    objects = labelled_objects(workplace.folder / "catalog.parquet", set(workplace.ids) - {BAD})
    x = bundled_features(workplace.folder / "random").of(objects.ids)["canonical"]
    scaler = StandardScaler().fit(x[objects.train])
    y, train, test = objects.labels, objects.train, objects.test
    logistic = LogisticRegression(max_iter=2000).fit(scaler.transform(x[train]), y[train])
    near = KNeighborsClassifier(20, metric="cosine").fit(x[train], y[train])
    found = result.other_classifiers
    assert found.logistic_regression.random_encoder.canonical.mean == pytest.approx(
        100 * logistic.score(scaler.transform(x[test]), y[test])
    )
    assert found.knn.random_encoder.canonical.mean == pytest.approx(100 * near.score(x[test], y[test]))


def test_provenance(workplace: Workplace, result: ProbeResult) -> None:
    assert result.provenance.seconds == {"render": 3.5, "teacher": 4.0}
    assert result.provenance.config_hash == hashlib.sha256(b"run: x\n").hexdigest()
    manifest = (workplace.folder / "targets" / "manifest.json").read_bytes()
    assert result.provenance.stores["targets"] == hashlib.sha256(manifest).hexdigest()
    assert result.provenance.packages["numpy"] == np.__version__


def test_the_same_inputs_give_the_same_bytes(workplace: Workplace, result: ProbeResult) -> None:
    first = (workplace.folder / "probe.json").read_bytes()
    (workplace.folder / "probe.json").unlink()
    assert workplace.run() == result
    assert (workplace.folder / "probe.json").read_bytes() == first


def test_without_benchmarks_there_are_no_seconds(tmp_path: Path) -> None:
    assert stage_seconds([]) == {}
    assert stage_seconds([f"render={tmp_path / 'nowhere'}"]) == {"render": 0.0}


def test_code_outside_a_checkout_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    assert checkout(tmp_path) is None
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert checkout(tmp_path) is None  # beside a repository, but not part of it


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True
        )

    (tmp_path / "__init__.py").touch()
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    clean = checkout(tmp_path)
    assert clean is not None
    assert len(clean.commit) == 40
    assert not clean.dirty
    (tmp_path / "__init__.py").write_text("changed")
    assert checkout(tmp_path) == clean.model_copy(update={"dirty": True})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_classes", 4),
        ("accuracy", {"canonical": {"mean": 140.0, "sd": None, "ci95": [0, 1]}, "zz": None}),
        ("confusion", [[1, 2], [3, 4]]),
        ("surprise", 1),
        ("seeds", []),
    ],
)
def test_schema_rejects_a_bad_file(result: ProbeResult, tmp_path: Path, key: str, value: Any) -> None:
    values = json.loads(result.model_dump_json()) | {key: value}
    (tmp_path / "bad.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=key):
        read_result(tmp_path / "bad.json")


def test_a_result_survives_being_written(result: ProbeResult, tmp_path: Path) -> None:
    write_result(tmp_path / "copy.json", result)
    assert read_result(tmp_path / "copy.json") == result
    assert set(ProbeResult.model_json_schema()["required"]) == set(json.loads(result.model_dump_json()))


def test_teacher_features_are_the_mean_view_of_kept_objects(workplace: Workplace) -> None:
    features = teacher_features(workplace.folder / "targets")
    assert BAD not in features.ids
    stored = sharded.read_array(workplace.folder / "targets", "embedding").astype(np.float32)
    ours = features.of([workplace.ids[40]])["canonical"][0]
    np.testing.assert_allclose(ours, stored[40].mean(axis=0), atol=1e-3)


def test_a_feature_that_is_not_finite_is_named(workplace: Workplace) -> None:
    values = workplace.good.copy()
    values[2, 0] = np.nan
    workplace.bundle("broken", workplace.ids, values, {}, {})
    with pytest.raises(UserError, match="broken: the canonical feature of bed-2 is not finite"):
        workplace.run(geometry="broken")


def test_random_weights_must_be_of_the_encoders_size(workplace: Workplace) -> None:
    workplace.bundle(
        "larger", workplace.ids, workplace.good, {"parameters": 9, "config": {"dim": 8}, "seed": 0}, {}
    )
    with pytest.raises(UserError, match="larger: an encoder of another size"):
        workplace.run(random="larger")


def test_a_bundle_without_a_regime_is_named(tmp_path: Path) -> None:
    write_bundle(tmp_path / "half", {"canonical_tokens": np.zeros((2, 3), np.float32)}, {"ids": ["a", "b"]})
    with pytest.raises(UserError, match="half: has no zz_tokens features"):
        bundled_features(tmp_path / "half")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(**{"class": ""}), "no labelled object has features"),
        (lambda t: t[t["class"] == "bed"], "needs two classes"),
        (lambda t: t[t["split"] == "train"], "objects to test"),
        (lambda t: t[(t["class"] != "lamp") | (t["split"] == "test")], "no training object of class 'lamp'"),
        (lambda t: t.assign(group="one"), "group 'one' is in both train and test"),
    ],
)
def test_a_catalog_that_cannot_be_probed_is_told(
    workplace: Workplace, tmp_path: Path, change: Any, message: str
) -> None:
    change(workplace.table).to_parquet(tmp_path / "catalog.parquet")
    with pytest.raises(UserError, match=message):
        labelled_objects(tmp_path / "catalog.parquet", workplace.ids)
