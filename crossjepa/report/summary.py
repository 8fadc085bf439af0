"""What was run here beside what was published, where the two may stand side by side.

They may on an official split in full, in the pose that the data set gives: published linear probes know no
other. Whatever else was run stands under its own heading, beside its own baselines alone.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files

from crossjepa.probe.result import Accuracy, ProbeResult

# Training and test objects; the HDF5 release of ModelNet40 lacks three training objects of the others.
OFFICIAL = {"modelnet40": {(9840, 2468), (9843, 2468)}, "scanobjectnn_obj_bg": {(2309, 581)}}
HEADER = "| method | accuracy, % | parameters | compute | origin | source |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One method on one data set, in canonical pose; what is not known is empty.

    Attributes:
        dataset: the data set's name.
        split: `official split`, `not the official split`, or `no published numbers`.
        method: what the features are of.
        accuracy: percent, with the standard deviation over seeds where there is one.
        parameters: of the encoder, or as published.
        compute: of pretraining.
        origin: `published` or `run here`.
        source: the publication, or how it was run.
    """

    dataset: str
    split: str
    method: str
    accuracy: str
    parameters: str
    compute: str
    origin: str
    source: str


def summary_rows(results: Sequence[ProbeResult]) -> list[Row]:
    """The rows of every data set in turn: what was published on it, then what was run here."""
    return [row for result in results for row in (*_published(result), *_run_here(result))]


def summary_markdown(rows: Sequence[Row]) -> str:
    """A table a data set."""
    parts = ["# Linear probes on frozen features, canonical pose", ""]
    for dataset in dict.fromkeys(row.dataset for row in rows):
        own = [row for row in rows if row.dataset == dataset]
        parts += [f"## {dataset}", "", f"{own[0].split.capitalize()}.", "", HEADER]
        for row in own:
            cells = (row.method, row.accuracy, row.parameters, row.compute, row.origin, row.source)
            parts.append("| " + " | ".join(cell or "-" for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)


def summary_csv(rows: Sequence[Row]) -> str:
    """The same rows for machines, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def _split(result: ProbeResult) -> str:
    known = _known_as(result)
    if known is None:
        return "no published numbers"
    sizes = (result.n_train, result.n_test)
    return "official split" if sizes in OFFICIAL[known] else "not the official split"


def _known_as(result: ProbeResult) -> str | None:
    """The column of `published.csv` that a data set belongs to, whatever it is called here."""
    match result.data:
        case {"kind": "modelnet", "categories": 40}:
            return "modelnet40"
        case {"kind": "scanobjectnn", "variant": "obj_bg"}:
            return "scanobjectnn_obj_bg"
    return None


def _published(result: ProbeResult) -> list[Row]:
    known = _known_as(result)
    if known is None or _split(result) != "official split":
        return []
    text = files("crossjepa.report").joinpath("published.csv").read_text("utf-8")
    return [
        Row(
            dataset=result.dataset,
            split="official split",
            method=line["method"],
            accuracy=line[known],
            parameters=line["parameters"],
            compute=line["compute"],
            origin="published",
            source=line["source"],
        )
        for line in csv.DictReader(io.StringIO(text))
        if line[known]
    ]


def _run_here(result: ProbeResult) -> list[Row]:
    """Ours, and what a reader must know to judge it: random weights, and the teacher where there is one."""
    size = f"{result.encoder.parameters / 1e6:.1f}M (encoder)"
    learned, baselines = result.pretraining, result.baselines
    C = "the published C" if result.C_choice == "published" else "C by cross-validation"
    probe = f"protocol {result.protocol}, {C}"
    names = " and ".join(learned.datasets)
    ours = f"{probe}; pretrained on {names}, saw {learned.saw_test_objects} test objects"

    def row(method: str, accuracy: Accuracy, parameters: str, compute: str, source: str) -> Row:
        return Row(
            dataset=result.dataset,
            split=_split(result),
            method=method,
            accuracy=_percent(accuracy),
            parameters=parameters,
            compute=compute,
            origin="run here",
            source=source,
        )

    rows = [
        row("ours", result.accuracy.canonical, size, _compute(result), ours),
        row("random weights", baselines.random_encoder.canonical, size, "", probe),
    ]
    if baselines.teacher_views is not None:
        rows.append(row("teacher, mean of views", baselines.teacher_views.canonical, "", "", probe))
    return rows


def _percent(accuracy: Accuracy) -> str:
    spread = "" if accuracy.sd is None else f" ± {accuracy.sd:.1f}"
    return f"{accuracy.mean:.1f}{spread}"


def _compute(result: ProbeResult) -> str:
    """The time that pretraining took, all seeds together."""
    seconds = result.provenance.seconds.get("pretrain")
    if seconds is None:
        return ""
    device = result.provenance.device or "an unknown device"
    seeds = f", {len(result.seeds)} seeds" if len(result.seeds) > 1 else ""
    time = f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
    return f"{time} on {device}{seeds}"
