"""Labels that a classifier which has not seen them finds unlikely.

Confident learning (Northcutt et al. 2021, https://doi.org/10.1613/jair.1.12125), by its authors' cleanlab.
"""

from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_self_confidence_for_each_label
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.probe.probabilities import held_out_probabilities
from crossjepa.probe.settings import ProbeSettings


@dataclass(frozen=True)
class Suspect:
    """A label that looks wrong.

    Attributes:
        row: of the object.
        confidence: the held-out probability of its label.
        likelier: the most probable class; the label itself if all classes are improbable.
        probability: of that class.
    """

    row: int
    confidence: float
    likelier: str
    probability: float


def suspect_labels(
    features: NDArray[np.floating],
    classes: NDArray[np.str_],
    groups: NDArray[np.int64],
    settings: ProbeSettings,
    threads: int = 1,
) -> tuple[list[Suspect], list[str]]:
    """Find labels that look wrong, the least likely first.

    Args:
        features: (N, F).
        classes: (N,) names; empty where unlabelled.
        groups: (N,) numbers; copies and near-duplicates share one.
        settings: folds and their seed.
        threads: fits to run in parallel.

    Returns:
        The suspects; and a line on the classifier, and for each reason why labels were not checked.
    """
    known = np.flatnonzero(classes != "")
    names, labels = np.unique(classes[known], return_inverse=True)
    several = [len(np.unique(groups[known[labels == number]])) > 1 for number in range(len(names))]
    notes = [
        f"class '{name}' was not checked: it has a single group" for name in names[np.logical_not(several)]
    ]
    rows = known[np.array(several, bool)[labels]]
    if np.count_nonzero(several) < 2:
        return [], [*notes, "labels were not checked: that needs two classes of two groups or more"]
    names, labels = np.unique(classes[rows], return_inverse=True)
    try:
        probabilities = held_out_probabilities(features[rows], labels, groups[rows], settings, threads)
    except UserError as error:
        return [], [*notes, f"labels were not checked: {error}"]
    wrong = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    right = 100 * (probabilities.argmax(axis=1) == labels).mean()
    notes.append(f"labels were checked by a classifier that agrees with {right:.0f}% of them, held out")
    confidence = get_self_confidence_for_each_label(labels, probabilities)
    best = probabilities.argmax(axis=1)
    return [
        Suspect(int(rows[n]), float(confidence[n]), str(names[best[n]]), float(probabilities[n, best[n]]))
        for n in wrong
    ], notes
