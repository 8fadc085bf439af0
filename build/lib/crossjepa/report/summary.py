"""The summary: this run's linear probes beside published ones, where the two are comparable.

Published linear probes use the whole official split, in the pose that the data set gives. A result on any
other split is listed with its baselines only.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pandas as pd

from crossjepa.probe.result import Accuracy, ProbeResult

# Columns of `published.csv`, and the settings by which their data set is recognised, whatever its name.
KNOWN: dict[str, dict[str, Any]] = {
    "modelnet40": {"kind": "modelnet", "categories": 40},
    "scanobjectnn_obj_bg": {"kind": "scanobjectnn", "variant": "obj_bg"},
}
# Training and test objects; the HDF5 release of ModelNet40 lacks three training objects of the others.
OFFICIAL = {"modelnet40": {(9840, 2468), (9843, 2468)}, "scanobjectnn_obj_bg": {(2309, 581)}}
COLUMNS = ["dataset", "split", "method", "accuracy", "parameters", "compute", "origin", "source"]
HEADER = "| method | accuracy, % | parameters | compute | origin | source |\n|---|---|---|---|---|---|"


def summary_table(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """One row for each method on each data set, in canonical pose.

    Returns:
        Text columns, empty where unknown: `dataset`; `split` (`official split`, `not the official split` or
        `no published numbers`); `method`; `accuracy` in percent, with the standard deviation over seeds;
        `parameters`; `compute` of pretraining; `origin` (`published` or `run here`); `source`.
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
    """The published methods; none for anything but a whole official split."""
    if _split(result) != "official split":
        return pd.DataFrame()
    with files("crossjepa.report").joinpath("published.csv").open(encoding="utf-8") as lines:
        table = pd.read_csv(lines, dtype=str, keep_default_na=False)
    return table.rename(columns={_column(result): "accuracy"}).query("accuracy != ''")


def _measured(result: ProbeResult) -> pd.DataFrame:
    """The pretrained encoder, the same with random weights and, where there are views, the teacher."""
    chosen = "the published C" if result.C_choice == "published" else "C by cross-validation"
    probe = f"protocol {result.protocol}, {chosen}"
    learned, baselines = result.pretraining, result.baselines
    names = " and ".join(learned.datasets)
    ours = f"{probe}; pretrained on {names}, saw {learned.saw_test_objects} test objects"
    size = f"{result.encoder.parameters / 1e6:.1f}M (encoder)"
    methods = [
        ("ours", result.accuracy, size, _compute(result), ours),
        ("random weights", baselines.random_encoder, size, "", probe),
        ("teacher, mean of views", baselines.teacher_views, "", "", probe),
    ]
    rows = [(name, _percent(scores.canonical), *cells) for name, scores, *cells in methods if scores]
    return pd.DataFrame(rows, columns=["method", "accuracy", "parameters", "compute", "source"])


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
