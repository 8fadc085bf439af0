"""The linear probe's result: a view of the answers to the suite `linear`."""

from typing import Any

import pandas as pd
from sklearn.metrics import confusion_matrix

from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.provenance import Background
from crossjepa.probe.result import Baselines, OtherClassifier, OtherFeatures, Part, ProbeResult
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.splits import possible_folds
from crossjepa.probe.summary import summarise

# Accuracies by question, system and regime; the system "gain" holds the gains of the encoder.
Numbers = dict[str, dict[str, dict[str, Any]]]


def probe_result(table: pd.DataFrame, known: Background, settings: ProbeSettings) -> ProbeResult:
    """The result of the linear probe.

    Args:
        table: answers to the suite `linear`.
        known: the rest of the result.
        settings: the probe's.
    """
    scores: Numbers = {}
    for row in summarise(table, settings):
        systems = scores.setdefault(row.question, {})
        systems.setdefault(row.system, {})[row.regime] = row.model_dump(include={"mean", "sd", "ci95"})
        if row.system == "encoder" and row.gain:
            systems.setdefault("gain", {})[row.regime] = row.gain.model_dump(include={"mean", "ci95"})
    objects, origin = known.objects, known.origins[0]
    fixed = table[(table["question"] == "fixed") & (table["system"] == "encoder")]
    saw = objects.seen_by({head for seed in known.origins for head in seed["seen"]})
    by_seed = fixed.groupby(["regime", "seed"], sort=False, observed=True)
    values = known.head | _scores(scores["fixed"])
    values |= {
        "n_left_out": objects.left_out,
        "copies_in_train": objects.copies_in_train,
        "classes": objects.classes.tolist(),
        "per_seed": by_seed["value"].mean().groupby("regime", observed=True).agg(list).to_dict(),
        "C_choice": "published" if settings.published_C else "cross-validation",
        "chosen_C": by_seed["C"].first().groupby("regime", observed=True).agg(list).to_dict(),
        "other_classifiers": {
            name: _named(OtherClassifier, scores[name]) for name in ("logistic_regression", "knn")
        },
        "cross_validation": None,
        "encoder": {key: known.sizes[key] for key in ("parameters", "config")},
        "pretraining": {key: origin[key] for key in ("datasets", "objects", "epochs")}
        | {
            "same_dataset": known.head["dataset"] in origin["datasets"],
            "saw_objects": int(saw.sum()),
            "saw_test_objects": int(saw[objects.test].sum()),
        },
    }
    if not objects.split_given:
        values["cross_validation"] = _scores(scores["cross_validation"]) | {
            "folds": possible_folds(objects.labels, objects.groups, settings.folds),
            "repeats": settings.repeats,
            "n_objects": len(saw),
            "n_seen": int(saw.sum()),
            "saw_test_objects": "partly" if 0 < saw.sum() < len(saw) else bool(saw.any()),
        }
    return ProbeResult(**values, **_by_class(fixed, objects))


def _scores(systems: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The fields of `result.Scores` in one question."""
    return {
        "accuracy": systems["encoder"],
        "other_features": _named(OtherFeatures, systems),
        "baselines": _named(Baselines, systems),
        "gain_over_random": systems["gain"],
    }


def _named(model: type[Part], systems: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The systems that a model has fields for."""
    return {name: systems[name] for name in model.model_fields if name in systems}


def _by_class(fixed: pd.DataFrame, objects: LabelledObjects) -> dict[str, Any]:
    """Each class's size and accuracy on the fixed split, mean over seeds, and the canonical confusions."""
    true_class = pd.Series(objects.classes[objects.labels], index=objects.ids)
    trained, tested = (true_class.iloc[rows].value_counts() for rows in (objects.train, objects.test))
    answers = fixed.assign(true=true_class.loc[fixed["id"]].to_numpy())
    means = answers.groupby(["regime", "true"], observed=True)["value"].mean()
    shown = answers[answers["regime"] == "canonical"]
    return {
        "per_class": {
            name: {"n_train": trained[name], "n_test": tested.get(name, 0)}
            | {regime: means.get((regime, name)) for regime in ("canonical", "zz")}
            for name in objects.classes.tolist()
        },
        "confusion": confusion_matrix(shown["true"], shown["predicted"], labels=objects.classes).tolist(),
    }
