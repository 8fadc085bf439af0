"""Gathering a run's results into the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray

from crossjepa.probe.result import Accuracy, ProbeResult
from crossjepa.report.figures import accuracy_intervals, confusion_matrix, feature_map, training_curves
from crossjepa.report.images import figure_uri, file_uri, pixels_uri
from crossjepa.report.log import read_log
from crossjepa.report.neighbours import nearest, spread_over_classes
from crossjepa.report.settings import ReportSettings
from crossjepa.store.bundle import read_bundle
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

REGIMES = {"canonical": "canonical", "zz": "turned about up (z/z)"}
FEATURES = {
    "imagined": "views imagined by its predictor",
    "tokens_and_imagined": "tokens beside imagined views",
}
NAMES = {
    "random_encoder": "random weights",
    "geometry": "geometry (D2, extents)",
    "teacher_views": "teacher, mean of views",
    "majority": "majority class",
}


CLASSIFIERS = {
    "logistic_regression": "logistic regression, standardised features",
    "knn": "20 nearest neighbours by cosine",
}


@dataclass(frozen=True)
class ProbedDataset:
    """What one probed data set contributes.

    Attributes:
        result: its probe's result.
        features: the bundle to map.
        catalog: its catalog.
        targets: its sealed target store; none where there is nothing that the teacher could see.
        sheet: its contact sheet; none where there are no meshes to draw.
    """

    result: ProbeResult
    features: Path
    catalog: Path
    targets: Path | None
    sheet: Path | None


def render_page(
    datasets: Sequence[ProbedDataset], metrics: Sequence[Path], run_config: Path, settings: ReportSettings
) -> str:
    """The whole page as HTML.

    Args:
        datasets: the probed data sets.
        metrics: training logs, one a seed.
        run_config: the resolved configuration.
        settings: how much to show.
    """
    runs = [read_log(path) for path in metrics]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("crossjepa.report").joinpath("page.html").read_text())
    return template.render(
        poses=REGIMES,
        sections=[_section(dataset, settings) for dataset in datasets],
        curves=figure_uri(training_curves(runs)),
        last=[run.iloc[-1].to_dict() for run in runs],
        config=yaml.safe_dump(yaml.safe_load(run_config.read_text()), sort_keys=False),
    )


def _section(dataset: ProbedDataset, settings: ReportSettings) -> dict[str, Any]:
    result = dataset.result
    catalog = pd.read_parquet(dataset.catalog)
    set_aside = catalog.loc[catalog["status"] != "ok", ["id", "status"]].to_records(index=False).tolist()
    unseen = read_manifest(dataset.targets).set_aside if dataset.targets else {}
    set_aside += sorted(unseen.items())
    rows = _accuracy_rows(result)
    return {
        "result": result,
        "rows": rows,
        "others": _other_rows(result),
        "procedural": bool((catalog["source"] == "procedural").any()),
        "objects": len(catalog),
        "sheet": file_uri(dataset.sheet) if dataset.sheet else None,
        "pictured": dataset.targets is not None,
        "intervals": figure_uri(
            accuracy_intervals([(r.features, r.regime, r.split.mean, *r.split.ci95) for r in rows])
        ),
        "confusion": figure_uri(confusion_matrix(np.array(result.confusion), result.classes)),
        "set_aside": set_aside,
        "licences": _licences(catalog),
        **_features(dataset, catalog, set(unseen), settings),
    }


@dataclass(frozen=True)
class AccuracyRow:
    """One line of the accuracy table: what was measured, on the fixed split and in cross-validation."""

    features: str
    regime: str
    split: Accuracy
    folds: Accuracy | None


def _accuracy_rows(result: ProbeResult) -> list[AccuracyRow]:
    """Ours and every baseline, in each pose regime that it was measured in."""
    folds = result.cross_validation
    scores = {"pretrained encoder": (result.accuracy, folds.accuracy if folds else None)}
    for name, label in FEATURES.items():
        split = getattr(result.other_features, name)
        scores[label] = (split, getattr(folds.other_features, name) if folds else None)
    for name, label in NAMES.items():
        if (split := getattr(result.baselines, name)) is not None:
            scores[label] = (split, getattr(folds.baselines, name) if folds else None)
    return [
        AccuracyRow(name, regime, getattr(split, regime), getattr(folds, regime) if folds else None)
        for name, (split, folds) in scores.items()
        for regime in REGIMES
        if getattr(split, regime) is not None
    ]


def _other_rows(result: ProbeResult) -> list[tuple[str, str, str, Accuracy]]:
    """(classifier, features, regime, accuracy) of the classifiers beside the probe."""
    return [
        (label, features, regime, getattr(getattr(getattr(result.other_classifiers, name), system), regime))
        for name, label in CLASSIFIERS.items()
        for system, features in (("encoder", "pretrained encoder"), ("random_encoder", "random weights"))
        for regime in REGIMES
    ]


def _features(
    dataset: ProbedDataset, catalog: pd.DataFrame, unseen: set[str], settings: ReportSettings
) -> dict[str, Any]:
    """The map of labelled objects, and the neighbours of some test objects among all objects."""
    arrays, attributes = read_bundle(dataset.features)
    usable = np.array([i for i, o in enumerate(attributes["ids"]) if o not in unseen])
    ids = [attributes["ids"][i] for i in usable]
    features = arrays["canonical_tokens"][usable]
    table = catalog.set_index("id").loc[ids]
    labels = table["class"].to_numpy(dtype=str)
    labelled = np.flatnonzero(labels != "")
    tests = np.flatnonzero(table["split"].to_numpy() == "test")
    queries = tests[spread_over_classes(labels[tests], settings.queries, settings.seed)]
    return {
        "map": figure_uri(feature_map(features[labelled], labels[labelled].tolist(), settings.seed)),
        "neighbours": _neighbours(dataset.targets, features, ids, labels, queries, settings.neighbours)
        if dataset.targets
        else [],
    }


def _neighbours(
    targets: Path,
    features: NDArray[np.float32],
    ids: Sequence[str],
    labels: NDArray[np.str_],
    queries: NDArray[np.int64],
    count: int,
) -> list[dict[str, Any]]:
    """Cards of each query and of its nearest objects, with the thumbnails of a sealed target store."""
    row_in_store = {object_id: row for row, object_id in enumerate(read_manifest(targets).ids)}
    thumbnails = read_array(targets, "thumbnail")

    def card(position: int) -> dict[str, str]:
        object_id = ids[position]
        picture = pixels_uri(thumbnails[row_in_store[object_id]])
        return {"id": object_id, "label": labels[position], "picture": picture}

    found = nearest(features, queries, count)
    return [
        {"query": card(query), "found": [card(position) for position in row]}
        for query, row in zip(queries, found, strict=True)
    ]


def _licences(catalog: pd.DataFrame) -> list[tuple[str, str, int, str]]:
    """(source, licence, meshes, their makers) of every source and licence."""
    return [
        (
            str(source),
            str(licence),
            len(meshes),
            ", ".join(sorted(meshes["creator"].unique(), key=str.casefold)),
        )
        for (source, licence), meshes in catalog.groupby(["source", "licence"])
    ]
