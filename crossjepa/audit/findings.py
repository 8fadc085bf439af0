"""The audit: everything in a data set that deserves a second look, as one table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.audit.copies import Copy, find_copies, join_groups
from crossjepa.audit.outliers import FAR, apartness, comparable
from crossjepa.audit.suspects import Suspect, suspect_labels
from crossjepa.data.described import DescribedObjects
from crossjepa.probe.settings import ProbeSettings

# The kinds of findings, with what the score of each means.
KINDS = {
    "broken": "",
    "exact copy": "distance of the clouds, in spacings of their points; 0 for equal files",
    "near copy": "distance of the clouds after alignment, in spacings of their points",
    "copy across train and test": "as for copies",
    "outlier": "robust standard deviations above the median distance from the five nearest neighbours",
    "suspect label": "held-out probability of the label that is given",
}
COLUMNS = ["kind", "id", "other", "score", "advice"]
Row = tuple[str, str, str, float, str]


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        objects: how many were looked at, broken ones included.
        findings: rows with the columns `kind` (see `KINDS`), `id`, `other` (the second object of a pair),
            `score` (NaN for broken ones) and `advice`, what is wrong and what to do; worst first within a
            kind.
        notes: how labels were checked, and what could not be checked and why, a line each.
        unchecked: kinds that were not looked for.
    """

    objects: int
    findings: pd.DataFrame
    notes: list[str]
    unchecked: frozenset[str]

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings of each kind."""
        return {kind: int((self.findings["kind"] == kind).sum()) for kind in KINDS}

    @property
    def lines(self) -> list[str]:
        """The counts and the notes for people."""
        told = ", ".join(
            f"{kind}: {'not checked' if kind in self.unchecked else number}"
            for kind, number in self.counts.items()
        )
        return [f"{self.objects} objects; {told}", *self.notes]


def audit(objects: DescribedObjects, settings: ProbeSettings, threads: int = 1) -> Audit:
    """Audit a data set.

    Args:
        objects: its objects.
        settings: folds of the classifier that checks labels, and their seed.
        threads: fits to run in parallel.
    """
    table = objects.table
    copies = find_copies(table["sha256"].tolist(), objects.clouds, objects.features)
    groups = join_groups(table["group"].to_numpy(str), copies)
    suspects, notes = suspect_labels(
        objects.features, table["class"].to_numpy(str), groups, settings, threads
    )
    unchecked = set()
    if (table["class"] == "").all():
        notes = ["labels were not checked: there are none"]
    if any(note.startswith("labels were not checked") for note in notes):
        unchecked.add("suspect label")
    if not {"train", "test"} <= set(table["split"]):
        notes.append("copies across train and test were not looked for: there is no such split")
        unchecked.add("copy across train and test")
    if not comparable(groups):
        notes.append("outliers were not looked for: there are too few objects")
        unchecked.add("outlier")
    found = [
        *_broken(objects.reasons),
        *_pairs(table, copies),
        *_outliers(table, apartness(objects.features, groups)),
        *_suspects(table, suspects),
    ]
    findings = pd.DataFrame(found, columns=COLUMNS)
    return Audit(len(table) + len(objects.reasons), findings, notes, frozenset(unchecked))


def _broken(reasons: Mapping[str, str]) -> Iterator[Row]:
    for name, reason in sorted(reasons.items()):
        yield "broken", name, "", nan, f"{reason}; repair or remove it"


def _pairs(table: pd.DataFrame, copies: Sequence[Copy]) -> Iterator[Row]:
    """Copies, and again those with one of the pair in train and the other in test."""
    for copy in sorted(copies, key=lambda copy: copy.distance):
        one, other = table.iloc[copy.first], table.iloc[copy.second]
        pair = one["id"], other["id"], copy.distance
        kind = "exact copy" if copy.exact else "near copy"
        yield kind, *pair, _about_pair(one, other)
        if {one["split"], other["split"]} == {"train", "test"}:
            yield "copy across train and test", *pair, f"{kind}; put both on one side"


def _about_pair(one: pd.Series, other: pd.Series) -> str:
    if one["class"] and other["class"] and one["class"] != other["class"]:
        return f"classes '{one['class']}' and '{other['class']}' differ; one is wrong"
    if one["group"] == other["group"]:
        return "they share a group already"
    return "if they are one object, give both one group, or remove one"


def _outliers(table: pd.DataFrame, scores: NDArray[np.float64]) -> Iterator[Row]:
    for row in np.argsort(-scores, kind="stable")[: np.count_nonzero(scores > FAR)]:
        yield (
            "outlier",
            table["id"].iloc[row],
            "",
            float(scores[row]),
            "unlike all others; does it belong here?",
        )


def _suspects(table: pd.DataFrame, suspects: Sequence[Suspect]) -> Iterator[Row]:
    for each in suspects:
        given, likelier = table["class"].iloc[each.row], f"'{each.likelier}' ({each.probability:.2f})"
        advice = f"likelier {likelier}" if each.likelier != given else "no class fits well"
        yield (
            "suspect label",
            table["id"].iloc[each.row],
            "",
            each.confidence,
            f"'{given}': {advice}; look at it",
        )
