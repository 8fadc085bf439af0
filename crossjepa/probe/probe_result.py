"""The linear probe's result: a view of the answers to the suite `linear`."""

from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from crossjepa.probe import result as schema
from crossjepa.probe.background import Background
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.parts import Part
from crossjepa.probe.result import ProbeResult, Summary
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.splits import possible_folds
from crossjepa.probe.summary import summarise

Scores = TypeVar("Scores", bound=Part)
Summaries = dict[tuple[str, str, str], Summary]  # by question, system and regime


def probe_result(table: pd.DataFrame, known: Background, settings: ProbeSettings) -> ProbeResult:
    """The result of the linear probe.

    Args:
        table: answers to the suite `linear`.
        known: the rest of the result.
        settings: the probe's.
    """
    summaries = {(s.question, s.system, s.regime): s for s in summarise(table, settings)}
    objects, first = known.objects, known.origins[0]
    fixed = table[(table["question"] == "fixed") & (table["system"] == "encoder")]
    saw = objects.seen_by({head for origin in known.origins for head in origin.seen})
    by_seed = fixed.groupby(["regime", "seed"], sort=False, observed=True)
    return ProbeResult(
        **known.head.model_dump(),
        **_scores(summaries, "fixed"),
        n_left_out=objects.left_out,
        copies_in_train=objects.copies_in_train,
        classes=objects.classes.tolist(),
        per_seed=_per_seed(by_seed["value"].mean()),
        per_class=_per_class(fixed, objects),
        confusion=_confusion(fixed, objects),
        C_choice="published" if settings.published_C else "cross-validation",
        chosen_C=_per_seed(by_seed["C"].first()),
        other_classifiers=schema.OtherClassifiers(
            **{
                name: _systems(schema.OtherClassifier, summaries, name)
                for name in schema.OtherClassifiers.model_fields
            }
        ),
        cross_validation=_cross_validation(summaries, objects, saw, settings),
        encoder=schema.Encoder(parameters=known.encoder["parameters"], config=known.encoder["config"]),
        pretraining=schema.Pretraining(
            datasets=first.datasets,
            objects=first.objects,
            epochs=first.epochs,
            same_dataset=known.head.dataset in first.datasets,
            saw_objects=int(saw.sum()),
            saw_test_objects=int(saw[objects.test].sum()),
        ),
        provenance=known.provenance,
    )


def _cross_validation(
    summaries: Summaries, objects: LabelledObjects, saw: NDArray[np.bool_], settings: ProbeSettings
) -> schema.CrossValidation | None:
    """None for an official split, which is the data set's protocol."""
    if objects.split_given:
        return None
    return schema.CrossValidation(
        folds=possible_folds(objects.labels, objects.groups, settings.folds),
        repeats=settings.repeats,
        n_objects=len(objects.ids),
        n_seen=int(saw.sum()),
        saw_test_objects="partly" if 0 < saw.sum() < len(saw) else bool(saw.any()),
        **_scores(summaries, "cross_validation"),
    )


def _scores(summaries: Summaries, question: str) -> dict[str, Any]:
    """Accuracies and gains in one question."""
    gains = {
        regime: schema.Gain(**gain.model_dump(include={"mean", "ci95"}))
        for regime in schema.Gains.model_fields
        if (gain := summaries[question, "encoder", regime].gain)
    }
    return {
        "accuracy": _regimes(summaries, question, "encoder"),
        "other_features": _systems(schema.OtherFeatures, summaries, question),
        "baselines": _systems(schema.Baselines, summaries, question),
        "gain_over_random": schema.Gains(**gains),
    }


def _systems(model: type[Scores], summaries: Summaries, question: str) -> Scores:
    """A model whose fields are systems."""
    asked = {system for name, system, _ in summaries if name == question}
    return model(**{s: _regimes(summaries, question, s) for s in model.model_fields if s in asked})


def _regimes(summaries: Summaries, question: str, system: str) -> schema.Regimes:
    return schema.Regimes(
        **{
            regime: schema.Accuracy(**found.model_dump(include={"mean", "sd", "ci95"}))
            for regime in schema.Regimes.model_fields
            if (found := summaries.get((question, system, regime)))
        }
    )


def _per_seed(values: Any) -> schema.PerSeed:
    """From numbers by regime and seed."""
    return schema.PerSeed(**{regime: values[regime].tolist() for regime in schema.PerSeed.model_fields})


def _per_class(fixed: pd.DataFrame, objects: LabelledObjects) -> dict[str, schema.ClassAccuracy]:
    """Each class's size and the encoder's accuracy on the fixed split, mean over seeds."""
    true_class = pd.Series(objects.classes[objects.labels], index=objects.ids)
    trained, tested = (true_class.iloc[rows].value_counts() for rows in (objects.train, objects.test))
    means = fixed.groupby(["regime", true_class.loc[fixed["id"]].to_numpy()], observed=True)["value"].mean()
    return {
        name: schema.ClassAccuracy(
            n_train=trained[name],
            n_test=tested.get(name, 0),
            canonical=means.get(("canonical", name)),
            zz=means.get(("zz", name)),
        )
        for name in objects.classes.tolist()
    }


def _confusion(fixed: pd.DataFrame, objects: LabelledObjects) -> list[list[int]]:
    """Canonical counts of true (rows) and predicted (columns) classes, summed over seeds."""
    shown = fixed[fixed["regime"] == "canonical"]
    true_class = pd.Series(objects.classes[objects.labels], index=objects.ids).loc[shown["id"]]
    table: list[list[int]] = confusion_matrix(true_class, shown["predicted"], labels=objects.classes).tolist()
    return table
