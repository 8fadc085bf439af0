"""The summary: this run's linear probes beside published ones, where the two are comparable.

Published linear probes use the whole official split, in the pose that the data set gives. A result on any
other split is listed with its baselines only.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pandas as pd

from crossjepa.probe.protocols import LAYER, PROTOCOLS, SVM
from crossjepa.probe.result import Accuracy, ProbeResult

# Columns of `published.csv`, and the settings that identify their data set whatever its name.
KNOWN: dict[str, dict[str, Any]] = {
    "modelnet40": {"kind": "modelnet", "categories": 40},
    "scanobjectnn_obj_bg": {"kind": "scanobjectnn", "variant": "obj_bg"},
    "scanobjectnn_obj_only": {"kind": "scanobjectnn", "variant": "obj_only"},
    "scanobjectnn_pb_t50_rs": {"kind": "scanobjectnn", "variant": "pb_t50_rs"},
}
# Training and test objects; the HDF5 release of ModelNet40 lacks three training objects of the others.
OFFICIAL = {
    "modelnet40": {(9840, 2468), (9843, 2468)},
    "scanobjectnn_obj_bg": {(2309, 581)},
    "scanobjectnn_obj_only": {(2309, 581)},
    "scanobjectnn_pb_t50_rs": {(11416, 2882)},
}
STANDARDISED = "logistic regression on standardised features, C = 1"
COLUMNS = ["dataset", "split", "method", "accuracy", "protocol", "parameters", "compute", "origin", "source"]
HEADER = "| method | accuracy, % | protocol | parameters | compute | origin | source |\n" + 7 * "|---" + "|"


def summary_table(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """One row for each method on each data set, in canonical pose.

    Returns:
        Text columns, empty where unknown: `dataset`; `split` (`official split`, `not the official split` or
        `no published numbers`); `method`; `accuracy` in percent, with the standard deviation over seeds;
        `protocol` (`linear SVM` or `trained linear layer`); `parameters`; `compute` of pretraining; `origin`
        (`published` or `run here`); `source`.
    """
    tables = [
        table.assign(dataset=result.dataset, split=_split(result), origin=origin)
        for result in results
        for origin, table in (("published", _published(result)), ("run here", _measured(result)))
    ]
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def summary_markdown(table: pd.DataFrame) -> str:
    """The summary as Markdown, one table for each data set."""
    parts = ["# Linear probes on frozen features, canonical pose", ""]
    for dataset, rows in table.groupby("dataset", sort=False):
        parts += [f"## {dataset}", "", f"{rows['split'].iloc[0].capitalize()}.", "", HEADER]
        parts += [f"| {' | '.join(cells)} |" for cells in rows[COLUMNS[2:]].replace("", "-").to_numpy()]
        parts.append("")
    return "\n".join(parts)


def _column(result: ProbeResult) -> str | None:
    """The data set's column in `published.csv`."""
    return next((name for name, settings in KNOWN.items() if settings.items() <= result.data.items()), None)


def _split(result: ProbeResult) -> str:
    column = _column(result)
    if column is None:
        return "no published numbers"
    official = (result.n_train, result.n_test) in OFFICIAL[column]
    return "official split" if official else "not the official split"


def _published(result: ProbeResult) -> pd.DataFrame:
    """The published methods; empty unless the result is on the whole official split."""
    if _split(result) != "official split":
        return pd.DataFrame()
    with files("crossjepa.report").joinpath("published.csv").open(encoding="utf-8") as lines:
        table = pd.read_csv(lines, dtype=str, keep_default_na=False)
    return table.rename(columns={_column(result): "accuracy"}).query("accuracy != ''")


def _measured(result: ProbeResult) -> pd.DataFrame:
    """The pretrained encoder, the same with random weights and, where there are views, the teacher.

    Beside a linear SVM, encoders are listed with the trained linear layer that other papers report.
    """
    chosen = "the published C" if result.C_choice == "published" else "C by cross-validation"
    probe = f"protocol {result.protocol}, {chosen}"
    learned, baselines, layer = (
        result.pretraining,
        result.baselines,
        result.other_classifiers.logistic_regression,
    )
    about = f"pretrained on {' and '.join(learned.datasets)}, saw {learned.saw_test_objects} test objects"
    methods = [
        ("ours", probe, result.accuracy),
        ("random weights", probe, baselines.random_encoder),
        ("teacher, mean of views", probe, baselines.teacher_views),
    ]
    if (kind := PROTOCOLS[result.protocol].kind) == SVM:
        methods += [
            ("ours", STANDARDISED, layer.encoder),
            ("random weights", STANDARDISED, layer.random_encoder),
        ]
    rows = [
        {
            "method": name,
            "accuracy": _percent(scores.canonical),
            "protocol": LAYER if how == STANDARDISED else kind,
            "parameters": ""
            if name.startswith("teacher")
            else f"{result.encoder.parameters / 1e6:.1f}M (encoder)",
            "compute": _compute(result) if name == "ours" else "",
            "source": f"{how}; {about}" if name == "ours" else how,
        }
        for name, how, scores in methods
        if scores
    ]
    return pd.DataFrame(rows)


def _percent(accuracy: Accuracy) -> str:
    return f"{accuracy.mean:.1f}" + ("" if accuracy.sd is None else f" ± {accuracy.sd:.1f}")


def _compute(result: ProbeResult) -> str:
    """How long pretraining the probed seeds took in all, and on which device."""
    seconds = result.provenance.seconds.get("pretrain")
    if seconds is None:
        return ""
    time = f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
    seeds = "1 seed" if len(result.seeds) == 1 else f"{len(result.seeds)} seeds"
    return f"{time} for {seeds} on {result.provenance.device or 'an unknown device'}"
