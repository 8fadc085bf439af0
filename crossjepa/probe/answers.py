"""The engine: puts every question to every system, and writes the answers as one tidy table.

A row is one answer about one object in one split (`metric` is "accuracy", `value` is 100 if it is correct,
else 0), or one score of a whole encoder with another metric. The table's `attrs` hold its suite, its data
set, the ids of the labelled objects that all systems have, and the text of each question.
"""

import warnings
from collections.abc import Sequence
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from crossjepa.errors import UserError
from crossjepa.files import write_whole
from crossjepa.probe.classifiers import choose_C, classifier, share_threads
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.probe.provenance import last_record
from crossjepa.probe.questions import SUITES, Exam, Question
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.systems import Inputs, System, one, read_systems
from crossjepa.progress import track
from crossjepa.store.bundle import read_bundle

TEXT = ["dataset", "question", "regime", "system", "id", "group", "metric", "predicted"]


def answer_suite(
    suite: str,
    dataset: str,
    protocol: ProbeProtocol,
    settings: tuple[ProbeSettings, BenchmarkSettings],
    inputs: Inputs,
    threads: int,
) -> pd.DataFrame:
    """The table of answers to a suite.

    Args:
        suite: a key of `SUITES`; `inductive` is followed by the number of its split.
        dataset: the data set's name.
        protocol: the classifier and the pooling of tokens.
        settings: of the probe and of the benchmark.
        inputs: `catalog`, `targets`, feature zips by variant, and in a sweep training logs.
        threads: fits to run in parallel.

    Raises:
        UserError: if there is no such suite, a file is missing or wrong, or the data set is too small.
    """
    name = suite.rstrip("0123456789")
    number = suite.removeprefix(name)
    if name not in SUITES or (name == "inductive") != bool(number):
        raise UserError(
            f"--suite {suite}: not a suite; use {', '.join(SUITES)} (inductive with a number: inductive0)"
        )
    ask, reading = SUITES[name]
    systems, objects = read_systems(inputs, reading, protocol)
    questions = list(ask(Exam(dataset, objects, protocol, *settings)))
    table = answer(questions, systems, objects, threads)
    if name == "sweep":
        table = pd.concat([table, training_scores(systems, inputs)], ignore_index=True)
    table.insert(0, "dataset", dataset)
    table["split"] += int(number or 0)
    text = {q.name: {"title": q.title, "description": q.description, "note": q.note} for q in questions}
    table.attrs = {"suite": name, "dataset": dataset, "ids": objects.ids.tolist(), "questions": text}
    return table


def write_answers(path: Path, table: pd.DataFrame) -> None:
    """Write a table of answers with its attributes as Parquet."""
    with write_whole(path) as partial:
        table.astype(dict.fromkeys(TEXT, "category")).to_parquet(partial)


def read_answers(inputs: Inputs, suite: str) -> pd.DataFrame:
    """The answers to a suite, joined with those to other suites that its table shows.

    Args:
        inputs: under `answers` files that `write_answers` wrote; if the table shows retrieval, under
            `retrieval` and `catalog` what `retrieval_answers` needs.
        suite: the table's main suite, whose objects and descriptions the result keeps.

    Raises:
        UserError: if no file has the suite.
    """
    paths = inputs.get("answers", [])
    tables = [pd.read_parquet(path) for path in paths]
    own = next((table.attrs for table in tables if table.attrs["suite"] == suite), None)
    if own is None:
        raise UserError(f"--input answers=…: none of {[*map(str, paths)]} answers the suite {suite}")
    if "retrieval" in inputs:
        tables.append(retrieval_answers(one(inputs, "retrieval"), one(inputs, "catalog")))
    together = pd.concat([table.astype(dict.fromkeys(TEXT, str)) for table in tables], ignore_index=True)
    questions = {name: text for table in tables for name, text in table.attrs["questions"].items()}
    together.attrs = own | {"questions": own["questions"] | questions}
    return together


def largest_C(table: pd.DataFrame, candidates: Sequence[float]) -> list[str]:
    """Systems whose chosen C on the fixed split is the largest candidate."""
    chosen = table[(table["question"] == "fixed") & (table["C"] == max(candidates))]
    return list(chosen["system"].unique())


def answer(
    questions: Sequence[Question], systems: Sequence[System], objects: LabelledObjects, threads: int
) -> pd.DataFrame:
    """Put every question to every system that has features in its regimes.

    Test labels are read for scoring only: neither a fit nor the choice of C sees them.

    Args:
        questions: what to ask.
        systems: features of the N labelled objects.
        objects: those objects, in the features' order.
        threads: fits to run in parallel.
    """
    jobs = [
        (question, regime, system)
        for question in questions
        for regime in question.regimes
        for system in systems
        if question.splits and regime in system.regimes
        if not question.systems or system.name in question.systems
    ]
    outer, inner = share_threads(len(objects.labels), threads)
    calls = [delayed(_answers)(question, s.regimes[regime], objects, inner) for question, regime, s in jobs]
    # Fits run in parallel: threads of BLAS inside each would compete for the same cores.
    with threadpool_limits(1), warnings.catch_warnings():
        # Few-shot training sets have many classes for so few objects.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        # Threads: scikit-learn's solvers release the interpreter, and processes would import it again.
        running = Parallel(n_jobs=outer, return_as="generator", prefer="threads")(calls)
        answered = list(track(running, len(calls), "probe", "job"))
    parts = [
        rows.assign(question=question.name, regime=regime, system=system.name, seed=system.seed)
        for (question, regime, system), rows in zip(jobs, answered, strict=True)
    ]
    return pd.concat(parts, ignore_index=True).assign(metric="accuracy")


def _answers(
    question: Question, features: NDArray[np.float32], objects: LabelledObjects, threads: int
) -> pd.DataFrame:
    """A system's answers about the test rows of all splits, one split after the other."""
    machine, parts = classifier(question.classifier, features), []
    candidates = question.candidates if features.shape[1] else [nan]
    for number, split in enumerate(question.splits):
        C = choose_C(machine, objects.labels, split.inner, candidates, threads)
        (predicted,) = machine.predict(objects.labels, split.train, split.test, [C])
        columns = {
            "split": number,
            "id": objects.ids[split.test],
            "group": objects.group_names[objects.groups[split.test]],
            "value": 100.0 * (predicted == objects.labels[split.test]),
            "predicted": objects.classes[predicted],
            "C": C,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def training_scores(systems: Sequence[System], inputs: Inputs) -> pd.DataFrame:
    """Scores of a sweep's encoders, from training logs `<variant>.metrics` in the order of `<variant>`.

    Returns:
        Rows of the metrics unseen_explained (%; if there are held-out objects), effective_rank, minutes,
        steps and parameters.
    """
    rows = []
    for variant in [name for name in inputs if f"{name}.metrics" in inputs]:
        encoders = [system for system in systems if system.name == variant]
        for system, log in zip(encoders, inputs[f"{variant}.metrics"], strict=True):
            last = last_record(log)
            scores = {
                "unseen_explained": 100 * last.get("unseen_explained", nan),
                "effective_rank": last["effective_rank"],
                "minutes": last["seconds"] / 60,
                "steps": system.attributes["pretraining"].get("steps", nan),
                "parameters": system.attributes["encoder"].get("parameters", nan),
            }
            rows.append({"system": variant, "seed": system.seed, **scores})
    long = pd.DataFrame(rows).melt(["system", "seed"], var_name="metric").dropna(subset="value")
    return long.assign(question="sweep", regime="", split=0, id="", group="", predicted="", C=nan)


def retrieval_answers(distances: Path, catalog: Path) -> pd.DataFrame:
    """How often a view's object is the nearest one (`top1`), or among the nearest five (`top5`), in percent.

    Args:
        distances: bundle with (N, V, N) distances from V views of each object to N objects, for the galleries
            `seen` and `unseen` in pretraining.
        catalog: for the groups of near-duplicates.

    Raises:
        UserError: if a distance is not finite.
    """
    galleries, attributes = read_bundle(distances)
    group, parts, questions = pd.read_parquet(catalog).set_index("id")["group"], [], {}
    for gallery, distance in sorted(galleries.items()):
        if not np.isfinite(distance).all():
            raise UserError(f"{distances}: a distance is not a finite number; pretrain the encoder again")
        count, views, _ = distance.shape
        own = distance[np.arange(count), :, np.arange(count)][:, :, None]
        nearer, tied = (distance < own).sum(axis=-1).ravel(), (distance == own).sum(axis=-1).ravel()
        name, ids = f"retrieval_{gallery}", np.repeat(attributes["ids"][gallery], views)
        columns = {"id": ids, "group": group.loc[ids].to_numpy(), "split": np.tile(range(views), count)}
        same = {"question": name, "regime": "canonical", "seed": 0, "dataset": "", "predicted": "", "C": nan}
        for metric, nearest in (("top1", 1), ("top5", 5)):
            # Objects at equal distance are equally likely to come first.
            found = 100 * np.clip((nearest - nearer) / tied, 0, 1)
            rows = pd.DataFrame({**columns, **same, "metric": metric})
            parts.append(rows.assign(system="encoder", value=found))
            parts.append(rows.assign(system="chance", value=100 * nearest / count))
        text = f"finding a view's object among {count} objects, {gallery} in pretraining"
        questions[name] = {"title": f"retrieval, {gallery}", "description": text, "note": None}
    table = pd.concat(parts, ignore_index=True)
    table.attrs = {"suite": "retrieval", "questions": questions}
    return table
