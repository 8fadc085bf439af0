"""The HTML page about a run, filled from the run's files."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from PIL import Image

from crossjepa.errors import UserError
from crossjepa.pictures import picture_uri
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.probe.result import SYSTEMS, CrossValidation, ProbeResult, Regimes, read_as
from crossjepa.report import figures
from crossjepa.report.explorer import explore
from crossjepa.report.images import figure_uri
from crossjepa.report.settings import ReportSettings
from crossjepa.settings import read_section
from crossjepa.store.seal import read_manifest

PICTURES = 1000  # turning pictures of objects on the page; with the default views about 7 MB
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
    template = environment.from_string(_text("page.html"))
    pictures = PICTURES // len(results)
    with mpl.rc_context(figures.STYLE):
        return template.render(
            style=_text("page.css"),
            script=_text("page.js"),
            names=SYSTEMS | figures.REGIMES,
            regimes=figures.REGIMES,
            sections=[_section(result, parts[result.dataset], settings, pictures) for result in results],
            curves=figure_uri(figures.training_curves(runs, loss)),
            last=[run.iloc[-1].to_dict() for run in runs],
            loss=loss,
            config=config.read_text("utf-8"),
        )


def _text(name: str) -> str:
    """A file of this package, which goes into the page."""
    return files("crossjepa.report").joinpath(name).read_text("utf-8")


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


def _section(
    result: ProbeResult, parts: Mapping[str, Path], settings: ReportSettings, pictures: int
) -> dict[str, Any]:
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
        "sheet": picture_uri(Image.open(parts["sheet"]).convert("RGB"), "JPEG") if "sheet" in parts else None,
        "intervals": figure_uri(intervals),
        "confusion": figure_uri(figures.confusion_matrix(np.array(result.confusion), result.classes)),
        "set_aside": [*unusable.items(), *sorted(without_targets.items())],
        "warned": catalog.loc[catalog["warnings"] != "", ["id", "warnings"]].to_numpy().tolist(),
        "passed_over": catalog.attrs.get("passed_over", []),
        "licences": [
            (*names, len(objects), ", ".join(sorted(objects["creator"].unique(), key=str.casefold)))
            for names, objects in catalog.groupby(["source", "licence"])
        ],
        "explorer": explore(parts, catalog, without_targets, settings, pictures),
    }


def _systems(part: ProbeResult | CrossValidation) -> dict[str, Regimes]:
    """The accuracies of the systems that were measured, by name."""
    systems = {"encoder": part.accuracy, **dict(part.other_features), **dict(part.baselines)}
    return {name: regimes for name, regimes in systems.items() if regimes}
