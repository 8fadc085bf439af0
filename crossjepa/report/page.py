"""Gathering a run's results into the page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from jinja2 import Environment, StrictUndefined

from crossjepa.config import ReportConfig
from crossjepa.probe.result import Accuracy, ProbeResult, read_result
from crossjepa.report.figures import accuracy_intervals, confusion_matrix, feature_map, training_curves
from crossjepa.report.images import figure_uri, file_uri, pixels_uri
from crossjepa.report.neighbours import nearest, spread_over_classes
from crossjepa.store.bundle import read_bundle
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

NAMES = {
    "random_encoder": "random weights",
    "geometry": "geometry (D2, extents)",
    "teacher_views": "teacher, mean of views",
    "majority": "majority class",
}


@dataclass(frozen=True)
class DatasetFiles:
    """What one probed data set contributes."""

    result: Path
    features: Path
    catalog: Path
    targets: Path
    sheet: Path


def render_page(
    datasets: Sequence[DatasetFiles], metrics: Sequence[Path], run_config: Path, settings: ReportConfig
) -> str:
    """The whole page as HTML.

    Args:
        datasets: files of each probed data set.
        metrics: training logs, one a seed.
        run_config: the resolved configuration.
        settings: how much to show.
    """
    runs = [pd.DataFrame(map(json.loads, path.read_text().splitlines())) for path in metrics]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("crossjepa.report").joinpath("page.html").read_text())
    return template.render(
        poses={"canonical": "canonical", "zz": "turned about up (z/z)"},
        sections=[_section(dataset, settings) for dataset in datasets],
        curves=figure_uri(training_curves(runs)),
        last=[run.iloc[-1].to_dict() for run in runs],
        config=yaml.safe_dump(yaml.safe_load(run_config.read_text()), sort_keys=False),
    )


def _section(dataset: DatasetFiles, settings: ReportConfig) -> dict[str, Any]:
    result = read_result(dataset.result)
    catalog = pd.read_parquet(dataset.catalog)
    set_aside = catalog.loc[catalog["status"] != "ok", ["id", "status"]].to_records(index=False).tolist()
    set_aside += sorted(read_manifest(dataset.targets).set_aside.items())
    rows = _accuracy_rows(result)
    return {
        "result": result,
        "rows": rows,
        "procedural": bool((catalog["source"] == "procedural").any()),
        "objects": len(catalog),
        "sheet": file_uri(dataset.sheet),
        "intervals": figure_uri(
            accuracy_intervals([(r.features, r.regime, r.split.mean, *r.split.ci95) for r in rows])
        ),
        "confusion": figure_uri(confusion_matrix(np.array(result.confusion), result.classes)),
        "set_aside": set_aside,
        "licences": _licences(catalog),
        **_features(dataset, catalog, settings),
    }


@dataclass(frozen=True)
class AccuracyRow:
    """One line of the accuracy table: what was measured, on the fixed split and in cross-validation."""

    features: str
    regime: str
    split: Accuracy
    folds: Accuracy


def _accuracy_rows(result: ProbeResult) -> list[AccuracyRow]:
    """Ours and every baseline, in each pose regime that it was measured in."""
    folds = result.cross_validation
    scores = {"pretrained encoder": (result.accuracy, folds.accuracy)}
    scores |= {
        label: (getattr(result.baselines, name), getattr(folds.baselines, name))
        for name, label in NAMES.items()
    }
    return [
        AccuracyRow(name, regime, getattr(split, regime), getattr(folds, regime))
        for name, (split, folds) in scores.items()
        for regime in ("canonical", "zz")
        if getattr(split, regime) is not None
    ]


def _features(dataset: DatasetFiles, catalog: pd.DataFrame, settings: ReportConfig) -> dict[str, Any]:
    """The map of labelled objects, and the neighbours of some test objects among all objects."""
    arrays, attributes = read_bundle(dataset.features)
    manifest = read_manifest(dataset.targets)
    row_in_store = {object_id: row for row, object_id in enumerate(manifest.ids)}
    usable = np.array([i for i, o in enumerate(attributes["ids"]) if o not in manifest.set_aside])
    ids = [attributes["ids"][i] for i in usable]
    features = arrays["canonical"][usable]
    table = catalog.set_index("id").loc[ids]
    labels = table["class"].to_numpy(dtype=str)
    labelled = np.flatnonzero(labels != "")
    tests = np.flatnonzero(table["split"].to_numpy() == "test")
    queries = tests[spread_over_classes(labels[tests], settings.queries, settings.seed)]
    found = nearest(features, queries, settings.neighbours)
    thumbnails = read_array(dataset.targets, "thumbnail")

    def card(position: int) -> dict[str, str]:
        object_id = ids[position]
        picture = pixels_uri(thumbnails[row_in_store[object_id]])
        return {"id": object_id, "label": labels[position], "picture": picture}

    return {
        "map": figure_uri(feature_map(features[labelled], labels[labelled].tolist(), settings.seed)),
        "neighbours": [
            {"query": card(query), "found": [card(position) for position in row]}
            for query, row in zip(queries, found, strict=True)
        ],
    }


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
