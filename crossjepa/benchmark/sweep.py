"""A sweep's settings, each with its seeds, beside the run's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from crossjepa.benchmark.columns import fixed_split, repeated_folds
from crossjepa.benchmark.evaluate import Examiner
from crossjepa.benchmark.evidence import Compared, Given, compare, ours
from crossjepa.benchmark.sweep_result import MEASURES, OWN, Change, Measure, Setting
from crossjepa.errors import UserError
from crossjepa.probe.features import bundled_features

PROBED = ("tokens", "tokens_and_imagined")


class Trained(Given):
    """One setting: what differs, and of each seed the features and the training log."""

    changes: dict[str, dict[str, Any]]
    features: list[Path]
    metrics: list[Path]


SWEPT = TypeAdapter(dict[str, Trained])


@dataclass(frozen=True)
class Reached:
    """What one setting reached: by measure, one number a seed; and the time that its pretraining took."""

    measures: Mapping[str, NDArray[np.float64]]
    seconds: float


def reach(name: str, trained: Trained, catalog: Path, examiner: Examiner) -> Reached:
    """Read one setting's logs and probe its features.

    Args:
        name: for the progress bar.
        trained: where they lie.
        catalog: whose labels and groups count.
        examiner: asks.
    """
    last = [json.loads(path.read_text().splitlines()[-1]) for path in trained.metrics]
    seconds = [float(record["seconds"]) for record in last]
    measures = {
        "unseen_explained": [100 * record["unseen_explained"] for record in last if _watched(record)],
        "effective_rank": [record["effective_rank"] for record in last],
        "minutes": [spent / 60 for spent in seconds],
    }
    compared = compare(catalog, ours(trained.features), examiner.protocol)
    probed = Compared(compared.objects, {row: compared.rows[row] for row in PROBED})
    ask = fixed_split if compared.objects.split_given else repeated_folds
    splits = ask(compared.objects, examiner.settings)
    for regime in ("canonical", "zz"):
        asked = examiner.ask(probed, splits, f"{name}, {regime}", regime)
        for row in PROBED:
            measures[f"{row}_{regime}"] = asked.scores[row].mean(axis=1).tolist()
    return Reached({k: np.array(measures[k]) for k in MEASURES if measures[k]}, sum(seconds))


def describe(name: str, trained: Trained, reached: Reached, own: Reached | None) -> Setting:
    """One setting of the result.

    Args:
        name: of the setting.
        trained: what differs, and a bundle that says how long and how large it was.
        reached: its numbers.
        own: those of the run's own settings; none for these themselves.
    """
    attributes = bundled_features(trained.features[0]).attributes
    return Setting(
        name=name,
        changes=trained.changes,
        steps=attributes["pretraining"]["steps"],
        parameters=attributes["encoder"]["parameters"],
        measures={
            measure: summarise_seeds(values, own.measures.get(measure) if own else None)
            for measure, values in reached.measures.items()
        },
    )


def summarise_seeds(values: NDArray[np.float64], own: NDArray[np.float64] | None) -> Measure:
    """Mean and deviation over seeds, and the paired difference from the run's own settings.

    Args:
        values: (seeds,) of a setting.
        own: (seeds,) of the run's own settings, in the same order.
    """
    several = len(values) > 1
    return Measure(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if several else None,
        change=_change(values - own) if several and own is not None else None,
    )


def read_swept(text: str) -> list[tuple[str, Trained]]:
    """Each setting's name and evidence from the command line, the run's own first.

    Args:
        text: JSON, an object of `Trained` by name.

    Raises:
        UserError: if something is missing.
    """
    try:
        settings = SWEPT.validate_json(text)
    except ValidationError as error:
        raise UserError(f"--settings: {error}") from None
    if OWN not in settings:
        raise UserError(f"--settings: nothing is called {OWN!r}, which all others are compared with")
    return sorted(settings.items(), key=lambda item: item[0] != OWN)


def _change(differences: NDArray[np.float64]) -> Change:
    """Student's t interval of a mean (Student 1908, https://doi.org/10.2307/2331554)."""
    mean, count = float(differences.mean()), len(differences)
    half = float(stats.t.ppf(0.975, count - 1) * differences.std(ddof=1) / np.sqrt(count))
    return Change(mean=mean, ci95=(mean - half, mean + half))


def _watched(record: Mapping[str, Any]) -> bool:
    """Whether a training log ends with a look at unseen objects: there may be none."""
    return "unseen_explained" in record
