"""The HTML page about a run, filled from the run's files."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from crossjepa.errors import UserError
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.probe.result import SYSTEMS, CrossValidation, ProbeResult, Regimes, read_as
from crossjepa.report import figures
from crossjepa.report.images import data_uri
from crossjepa.report.neighbours import nearest, spread_over_classes
from crossjepa.report.settings import ReportSettings
from crossjepa.settings import read_section
from crossjepa.store.bundle import read_bundle
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

LOSSES = {"smooth_l1": "smooth-L1 loss", "mse": "mean squared error"}


def render_page(inputs: Mapping[str, Sequence[Path]], settings: ReportSettings) -> str:
    """The page as HTML.

    Args:
        inputs: `result`: probe results, one for each data set; `metrics`: training logs, one for each seed;
            `config`: the run's configuration; and for each data set `features.<dataset>`: features of one
            seed; `catalog.<dataset>`; where they exist, `targets.<dataset>`: the sealed target store, and
            `sheet.<dataset>`: the contact sheet.
        settings: how much to show.

    Raises:
        UserError: if a data set lacks its features or catalog, or an input's data set has no result.
    """
    results = [read_as(ProbeResult, path) for path in inputs["result"]]
    parts = _by_dataset(inputs, [result.dataset for result in results])
    runs = [pd.read_json(path, lines=True) for path in inputs["metrics"]]
    config = inputs["config"][0]
    loss = LOSSES[read_section(PretrainSettings, "pretrain", str(config)).loss]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("crossjepa.report").joinpath("page.html").read_text("utf-8"))
    with mpl.rc_context(figures.STYLE):
        return template.render(
            names=SYSTEMS | figures.REGIMES,
            regimes=figures.REGIMES,
            sections=[_section(result, parts[result.dataset], settings) for result in results],
            curves=data_uri(figures.training_curves(runs, loss)),
            last=[run.iloc[-1].to_dict() for run in runs],
            loss=loss,
            config=config.read_text("utf-8"),
        )


def _by_dataset(inputs: Mapping[str, Sequence[Path]], datasets: Sequence[str]) -> dict[str, dict[str, Path]]:
    """The inputs `<part>.<dataset>` by data set and part."""
    parts: dict[str, dict[str, Path]] = {dataset: {} for dataset in datasets}
    for name, paths in inputs.items():
        part, dot, dataset = name.partition(".")
        if dot and dataset not in parts:
            raise UserError(f"--input {name}: there is no --input result= of '{dataset}'")
        if dot:
            parts[dataset][part] = paths[0]
    for dataset, given in parts.items():
        if missing := {"features", "catalog"} - given.keys():
            raise UserError(f"--input {min(missing)}.{dataset}=PATH is missing")
    return parts


def _section(result: ProbeResult, parts: Mapping[str, Path], settings: ReportSettings) -> dict[str, Any]:
    """What the template shows of one data set."""
    catalog = pd.read_parquet(parts["catalog"])
    unusable = catalog.loc[catalog["status"] != "ok"].set_index("id")["status"].to_dict()
    without_targets = read_manifest(parts["targets"]).set_aside if "targets" in parts else {}
    split = _systems(result)
    intervals = figures.accuracy_intervals(
        (SYSTEMS[system], figures.REGIMES[regime], accuracy.mean, *accuracy.ci95)
        for system, regimes in split.items()
        for regime, accuracy in regimes
        if accuracy
    )
    return {
        "result": result,
        "split": split,
        "folds": _systems(result.cross_validation) if result.cross_validation else None,
        "procedural": bool((catalog["source"] == "procedural").any()),
        "objects": len(catalog),
        "sheet": data_uri(Image.open(parts["sheet"]).convert("RGB")) if "sheet" in parts else None,
        "intervals": data_uri(intervals),
        "confusion": data_uri(figures.confusion_matrix(np.array(result.confusion), result.classes)),
        "set_aside": [*unusable.items(), *sorted(without_targets.items())],
        "warned": catalog.loc[catalog["warnings"] != "", ["id", "warnings"]].to_numpy().tolist(),
        "passed_over": catalog.attrs.get("passed_over", []),
        "licences": [
            (*names, len(objects), ", ".join(sorted(objects["creator"].unique(), key=str.casefold)))
            for names, objects in catalog.groupby(["source", "licence"])
        ],
        **_feature_images(parts, catalog, without_targets, settings),
    }


def _systems(part: ProbeResult | CrossValidation) -> dict[str, Regimes]:
    """The accuracies of the systems that were measured, by name."""
    systems = {"encoder": part.accuracy, **dict(part.other_features), **dict(part.baselines)}
    return {name: regimes for name, regimes in systems.items() if regimes}


def _feature_images(
    parts: Mapping[str, Path], catalog: pd.DataFrame, left_out: Mapping[str, str], settings: ReportSettings
) -> dict[str, Any]:
    """The map of labelled objects and, where there are thumbnails, test objects with their neighbours."""
    arrays, attributes = read_bundle(parts["features"])
    usable = ~np.isin(attributes["ids"], list(left_out))
    features = arrays["canonical_tokens"][usable]
    table = catalog.set_index("id").loc[np.array(attributes["ids"])[usable]]
    labels = table["class"].to_numpy(dtype=str)
    labelled = labels != ""
    drawn = figures.feature_map(features[labelled], labels[labelled])
    images: dict[str, Any] = {"map": data_uri(drawn), "neighbours": None}
    if "targets" in parts:
        tests = np.flatnonzero(table["split"] == "test")
        queries = tests[spread_over_classes(labels[tests], settings.queries)]
        shown = np.c_[queries, nearest(features, queries, settings.neighbours)]
        images["neighbours"] = _cards(parts["targets"], table["class"], shown)
    return images


def _cards(targets: Path, labels: pd.Series, shown: NDArray[np.int64]) -> list[list[tuple[str, str, str]]]:
    """Id, label and thumbnail of the objects in `shown`: (Q, 1 + K) rows of `labels`, queries first."""
    rows = {object_id: row for row, object_id in enumerate(read_manifest(targets).ids)}
    thumbnails = read_array(targets, "thumbnail")
    return [
        [(id, label, data_uri(Image.fromarray(thumbnails[rows[id]]))) for id, label in line.items()]
        for line in (labels.iloc[chosen] for chosen in shown)
    ]
