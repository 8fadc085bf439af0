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
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_info
from workplace import BAD, CLASSES, PER_CLASS, QUICK, Workplace, as_objects, blobs

from crossjepa.commit import commit
from crossjepa.errors import UserError
from crossjepa.files import write_json
from crossjepa.probe import classifiers
from crossjepa.probe.answers import answer
from crossjepa.probe.classifiers import Estimator, GramMachine, LibsvmMachine, choose_C, classifier
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.protocols import PROTOCOLS, protocol
from crossjepa.probe.provenance import stage_seconds
from crossjepa.probe.questions import SUITES, Exam
from crossjepa.probe.result import ProbeResult, read_as
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.splits import grouped_folds, repeated_folds
from crossjepa.probe.systems import Reading, System, read_systems
from crossjepa.settings import read_section
from crossjepa.store.bundle import read_bundle, write_bundle
from crossjepa.store.reading import read_array

DEFAULT = protocol("pointjepa", "folder")
CANDIDATES = [1e-4, 1e-2, 1.0, 100.0]


def split_in_two(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    test = groups % 10 >= 7
    return np.flatnonzero(~test), np.flatnonzero(test)


def made_up(labels: np.ndarray, groups: np.ndarray) -> LabelledObjects:
    return as_objects(labels, groups, groups % 10 >= 7)


def system(name: str, seed: int, **regimes: np.ndarray) -> System:
    ids = np.arange(len(next(iter(regimes.values())))).astype(str).tolist()
    return System(name, seed, Path("made-up"), ids, regimes, {})


def linear(objects: LabelledObjects, *features: np.ndarray, threads: int = 1) -> pd.DataFrame:
    """Answers of encoders to the suite `linear`."""
    exam = Exam("toys", objects, DEFAULT, QUICK, BenchmarkSettings())
    systems = [system("encoder", seed, canonical=x) for seed, x in enumerate(features)]
    systems.append(system("majority", 0, canonical=np.empty((len(objects.ids), 0), np.float32)))
    return answer(list(SUITES["linear"][0](exam)), systems, objects, threads)


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
            np.testing.assert_array_equal(built.predict(y, train, test, [C])[0], plain)
        answers.append(plain.tobytes())
        one_against_rest = LinearSVC(C=C, random_state=0).fit(x[train].astype(float), y[train])
        np.testing.assert_array_equal(
            classifier("linear_svc", x).predict(y, train, test, [C])[0],
            one_against_rest.predict(x[test].astype(float)),
        )
    assert len(set(answers)) > 1


@pytest.mark.parametrize("build", [GramMachine, LibsvmMachine])
@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_a_C_that_binds_no_object_is_fitted_once(
    build: type[GramMachine | LibsvmMachine], noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y, groups = blobs(noise=noise)
    train, test = split_in_two(groups)
    plain = [SVC(kernel="linear", C=C).fit(x[train], y[train]) for C in CANDIDATES]
    bound = [np.abs(fitted.dual_coef_).max() == C for fitted, C in zip(plain, CANDIDATES, strict=True)]
    fits: list[float] = []
    monkeypatch.setattr(classifiers, "SVC", lambda C, kernel: fits.append(C) or SVC(C=C, kernel=kernel))
    answers = build(x).predict(y, train, test, CANDIDATES)
    np.testing.assert_array_equal(answers, [fitted.predict(x[test]) for fitted in plain])
    assert fits == CANDIDATES[: sum(bound) + 1]
    assert len(fits) < len(CANDIDATES) or noise == 2.0


def test_equal_votes_go_to_the_first_class_as_in_libsvm() -> None:
    """Three classes whose machines vote in a circle between them."""
    angles = 2 * np.pi * np.arange(3) / 3
    x = np.column_stack([np.cos(angles), np.sin(angles)]).repeat(4, axis=0).astype(np.float32)
    y = np.arange(3).repeat(4)
    everywhere = np.random.default_rng(0).normal(size=(500, 2), scale=0.01).astype(np.float32)
    both, rows = np.concatenate([x, everywhere]), np.arange(12)
    labels = np.concatenate([y, np.zeros(500, np.int64)])
    (ours,) = LibsvmMachine(both).predict(labels, rows, np.arange(12, 512), [1.0])
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
        "linear_layer": ("farthest", 1024, "max_mean", "logistic_regression", None),
    }
    scans = protocol("i2pmae", "scanobjectnn")
    assert (scans.points, scans.published_C) == (2048, 0.018)
    assert protocol("pointjepa", "scanobjectnn") == protocol("pointjepa", "modelnet")


def test_a_linear_layer_has_no_published_C() -> None:
    given = '{"probe": {"protocol": "linear_layer", "published_C": true}}'
    with pytest.raises(UserError, match="protocol `linear_layer` has no published C; set `published_C` to"):
        read_section(ProbeSettings, "probe", given)


def test_small_data_keep_their_dot_products_and_large_data_do_not() -> None:
    assert isinstance(classifier("svc", np.zeros((2000, 1), np.float32)), GramMachine)
    assert isinstance(classifier("svc", np.zeros((2001, 1), np.float32)), LibsvmMachine)
    assert isinstance(classifier("linear_svc", np.zeros((3, 1), np.float32)), Estimator)


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
    for split in repeated_folds(made_up(y, groups), QUICK):
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
    objects = made_up(y, groups)
    shuffled = y.copy()
    shuffled[objects.test] = np.random.default_rng(0).permutation(y[objects.test])
    assert (shuffled != y).sum() > 10
    once, twice = (linear(o, x) for o in (objects, replace(objects, labels=shuffled)))
    once, twice = (table[table["question"] != "cross_validation"] for table in (once, twice))
    assert once["predicted"].equals(twice["predicted"])
    assert once["C"].equals(twice["C"])
    assert not once["value"].equals(twice["value"])


def test_answers_are_the_plain_procedure_written_out() -> None:
    x, y, groups = blobs(noise=2.0)
    objects = made_up(y, groups)
    table = linear(objects, x, -2 * x, threads=2)
    table = table[table["system"] == "encoder"]
    fixed = table[table["question"] == "fixed"]
    assert len(fixed) == 2 * len(objects.test)
    first = fixed[fixed["seed"] == 0]
    machine = SVC(kernel="linear", C=first["C"].iloc[0]).fit(x[objects.train], y[objects.train])
    np.testing.assert_array_equal(first["predicted"], objects.classes[machine.predict(x[objects.test])])
    assert first["value"].mean() == pytest.approx(100 * machine.score(x[objects.test], y[objects.test]))
    held_out = table[(table["question"] == "cross_validation") & (table["seed"] == 0)]
    assert held_out["id"].value_counts().eq(QUICK.repeats).all()
    for number, split in enumerate(repeated_folds(objects, QUICK)):
        C = choose_C(GramMachine(x), y, split.inner, sorted(QUICK.C))
        machine = SVC(kernel="linear", C=C).fit(x[split.train], y[split.train])
        ours = held_out.loc[held_out["split"] == number, "predicted"]
        np.testing.assert_array_equal(ours, objects.classes[machine.predict(x[split.test])])


def test_threads_change_nothing_and_no_limit_stays_behind() -> None:
    x, y, groups = blobs(noise=2.0)
    before = [library["num_threads"] for library in threadpool_info()]
    one, two = (linear(made_up(y, groups), x, threads=threads) for threads in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert [library["num_threads"] for library in threadpool_info()] == before


# --- the commands, on a synthetic data set with stores ------------------------------------------------


def run(workplace: Workplace, output: str, probe: ProbeSettings = QUICK, **changed: list[str]) -> ProbeResult:
    """`probe answer` and `probe result`; an empty list leaves an input out."""
    systems, rest = (
        {name: paths for name, paths in ({**all, **changed}).items() if paths and name in all}
        for all in (workplace.SYSTEMS, workplace.REST)
    )
    said = workplace.call("answer", systems, f"{output}.parquet", "linear", probe)
    rest["answers"] = [f"{output}.parquet"]
    workplace.said = said + workplace.call("result", rest, f"{output}.json", probe=probe)
    return read_as(ProbeResult, workplace.folder / f"{output}.json")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="module")
def result(workplace: Workplace) -> ProbeResult:
    return run(workplace, "probe")


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


def test_an_official_split_and_no_views(workplace: Workplace) -> None:
    """Official splits are kept without cross-validation; copies across them are counted; no teacher."""
    table = workplace.table.assign(split_given=True)
    table.loc[table["id"] == "bed-12", "sha256"] = table.loc[table["id"] == "bed-1", "sha256"].item()
    table.to_parquet(workplace.folder / "given.parquet")
    given = run(workplace, "official", catalog=["given.parquet"], targets=[])
    assert given.cross_validation is None
    assert given.baselines.teacher_views is None
    assert given.n_test == 15, "no system lacks the object that has no views"
    assert set(given.provenance.stores) == {"points"}
    assert (given.copies_in_train, given.pretraining.saw_test_objects) == (1, 1)


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
        run(workplace, "end", QUICK.model_copy(update={"C": C}))
        assert (told.format("encoder") in workplace.said) == expected
    assert told.format("majority") not in workplace.said


def test_the_published_C_is_taken_without_choosing(workplace: Workplace) -> None:
    settings = QUICK.model_copy(update={"published_C": True, "protocol": "recon"})
    taken = run(workplace, "published", settings)
    assert (taken.C_choice, set(taken.chosen_C.canonical)) == ("published", {0.075})
    assert taken.protocol_source == "ReCon, arXiv 2302.02318"


def test_a_linear_layer_is_logistic_regression_for_every_system(
    workplace: Workplace, result: ProbeResult
) -> None:
    layer = run(workplace, "layer", QUICK.model_copy(update={"protocol": "linear_layer", "C": [1.0]}))
    other = result.other_classifiers.logistic_regression
    assert layer.accuracy.canonical.mean == other.encoder.canonical.mean
    assert layer.baselines.random_encoder.canonical.mean == other.random_encoder.canonical.mean
    assert layer.baselines.teacher_views is not None


def test_other_classifiers_are_plain_scikit_learn(workplace: Workplace, result: ProbeResult) -> None:
    objects = labelled_objects(workplace.folder / "catalog.parquet", set(workplace.ids) - {BAD})
    x = features(workplace, "random", objects.ids)
    scaler = StandardScaler().fit(x[objects.train])
    y, train, test = objects.labels, objects.train, objects.test
    logistic = LogisticRegression(max_iter=2000).fit(scaler.transform(x[train]), y[train])
    near = KNeighborsClassifier(20, metric="cosine").fit(x[train], y[train])
    found = result.other_classifiers
    assert found.logistic_regression.random_encoder.canonical.mean == pytest.approx(
        100 * logistic.score(scaler.transform(x[test]), y[test])
    )
    assert found.knn.random_encoder.canonical.mean == pytest.approx(100 * near.score(x[test], y[test]))


def features(workplace: Workplace, name: str, ids: np.ndarray) -> np.ndarray:
    arrays, attributes = read_bundle(workplace.folder / name)
    return arrays["canonical_tokens"][[attributes["ids"].index(i) for i in ids]]


def test_provenance(workplace: Workplace, result: ProbeResult) -> None:
    assert result.provenance.config_hash == hashlib.sha256(b"run: x\n").hexdigest()
    manifest = (workplace.folder / "targets" / "manifest.json").read_bytes()
    assert result.provenance.stores["targets"] == hashlib.sha256(manifest).hexdigest()
    assert result.provenance.packages["numpy"] == np.__version__


def test_seconds_are_those_of_the_probed_seeds_and_of_the_named_files(
    workplace: Workplace, result: ProbeResult
) -> None:
    """Fault: "compute" summed the benchmark files of all runs so far."""
    assert result.provenance.seconds == {"pretrain": 70.0, "render": 3.5, "teacher": 4.0}
    single = run(workplace, "single", trained=["encoder3"], metrics=["encoder3.jsonl"])
    assert single.provenance.seconds["pretrain"] == 30.0
    assert stage_seconds({}) == {}
    assert stage_seconds({"seconds.render": [workplace.folder / "nowhere"]}) == {"render": 0.0}


def test_the_configuration_is_kept_under_its_hash(workplace: Workplace, result: ProbeResult) -> None:
    """Fault: `config_hash` named a file that the next call overwrote."""
    kept = workplace.folder / "configs" / f"{result.provenance.config_hash}.yaml"
    (workplace.folder / "run.yaml").write_text("run: y\n")
    later = run(workplace, "later")
    (workplace.folder / "run.yaml").write_text("run: x\n")
    assert later.provenance.config_hash != result.provenance.config_hash
    assert kept.read_text() == "run: x\n"


def test_the_same_inputs_give_the_same_bytes(workplace: Workplace, result: ProbeResult) -> None:
    first = (workplace.folder / "probe.json").read_bytes()
    assert run(workplace, "again") == result
    assert (workplace.folder / "again.json").read_bytes() == first


def test_code_outside_a_checkout_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    assert commit(tmp_path) is None
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert commit(tmp_path) is None  # beside a repository, but not part of it


def test_a_checkout_tells_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True
        )

    (tmp_path / "__init__.py").touch()
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    clean = commit(tmp_path)
    assert clean is not None
    assert len(clean) == 40
    (tmp_path / "__init__.py").write_text("changed")
    assert commit(tmp_path) == f"{clean}-dirty"


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
        read_as(ProbeResult, tmp_path / "bad.json")


def test_a_result_survives_being_written(result: ProbeResult, tmp_path: Path) -> None:
    write_json(tmp_path / "copy.json", result.model_dump(mode="json"))
    assert read_as(ProbeResult, tmp_path / "copy.json") == result
    assert set(ProbeResult.model_json_schema()["required"]) == set(json.loads(result.model_dump_json()))


def test_teacher_features_are_the_mean_view_of_kept_objects(workplace: Workplace) -> None:
    inputs = {name: [workplace.folder / p for p in paths] for name, paths in workplace.SYSTEMS.items()}
    systems, objects = read_systems(inputs, Reading(each_view=True), DEFAULT)
    assert BAD not in objects.ids
    stored = read_array(workplace.folder / "targets", "embedding").astype(np.float32)
    row, of = objects.ids.tolist().index("lamp-2"), workplace.ids.index("lamp-2")
    named = {(s.name, s.seed): s.regimes["canonical"][row] for s in systems}
    np.testing.assert_allclose(named["teacher_views", 0], stored[of].mean(axis=0), atol=1e-3)
    np.testing.assert_array_equal(named["teacher_one_view", 3], stored[of, 3])
    tokens, imagined = named["encoder", 3], named["imagined", 3]
    np.testing.assert_array_equal(tokens, workplace.good[of])
    np.testing.assert_array_equal(named["tokens_and_imagined", 3], np.concatenate([tokens, imagined]))


def test_a_protocol_may_take_the_maximum_alone(workplace: Workplace) -> None:
    inputs = {name: [workplace.folder / p for p in paths] for name, paths in workplace.SYSTEMS.items()}
    systems, _ = read_systems(inputs, Reading(), protocol("i2pmae", "modelnet"))
    widths = {s.name: s.regimes["canonical"].shape[1] for s in systems}
    assert (widths["encoder"], widths["random_encoder"], widths["geometry"]) == (4, 4, 2)
    assert (widths["imagined"], widths["tokens_and_imagined"]) == (8, 12)


def test_random_weights_must_be_of_the_encoders_size(workplace: Workplace) -> None:
    size = {"parameters": 9, "config": {"dim": 8}, "seed": 0}
    workplace.bundle("larger", workplace.ids, workplace.good, size, {})
    with pytest.raises(UserError, match="larger: an encoder of another size"):
        workplace.call("answer", {**workplace.SYSTEMS, "random": ["larger"]}, "larger.parquet", "linear")


def test_a_feature_that_is_not_finite_is_named(workplace: Workplace) -> None:
    values = workplace.good.copy()
    values[2, 0] = np.nan
    workplace.bundle("broken", workplace.ids, values, {}, {})
    with pytest.raises(UserError, match="broken: the canonical feature of bed-2 is not finite"):
        run(workplace, "x", geometry=["broken"])


def test_a_bundle_without_a_regime_is_named(workplace: Workplace) -> None:
    arrays = {"canonical_tokens": np.zeros((2, 3), np.float32)}
    write_bundle(workplace.folder / "half", arrays, {"ids": ["a", "b"], "encoder": {}, "pretraining": {}})
    with pytest.raises(UserError, match="half: has no zz_tokens features"):
        run(workplace, "x", geometry=["half"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"trained": []}, "--input trained=…: missing"),
        ({"geometry": []}, "--input geometry=…: missing"),
        ({"catalog": []}, "--input catalog=…: needed once, given 0 times"),
        ({"catalog": ["nowhere.parquet"]}, "nowhere.parquet: no such file or folder"),
    ],
)
def test_wrong_inputs_are_told(workplace: Workplace, changed: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(workplace, "x", **changed)


@pytest.mark.usefixtures("result")
def test_unknown_suites_and_inputs_are_told(workplace: Workplace) -> None:
    with pytest.raises(UserError, match="--suite nonsense: not a suite"):
        workplace.call("answer", workplace.SYSTEMS, "x", "nonsense")
    with pytest.raises(UserError, match="--input surprise=…: not an input of this suite"):
        workplace.call("answer", {**workplace.SYSTEMS, "surprise": ["random"]}, "x", "linear")
    with pytest.raises(UserError, match=r"none of \[.*probe.parquet'\] answers the suite few_shot"):
        workplace.call("table", {"answers": ["probe.parquet"]}, "x", "few_shot")
    with pytest.raises(UserError, match="nowhere: no such file"):
        workplace.call("result", {"answers": ["nowhere"]}, "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(**{"class": ""}), "needs labelled test objects"),
        (lambda t: t[t["class"] == "bed"], "two classes to train on"),
        (lambda t: t[t["split"] == "train"], "labelled test objects"),
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
