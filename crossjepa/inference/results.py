"""The accuracies that a run measured, to tell them on the model card of its encoder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossjepa.errors import UserError

# Systems of a result beside the encoder, and their names on the card.
OTHERS = {"random_encoder": "random weights", "teacher_views": "the teacher, mean of views"}


def read_results(folder: Path | None) -> list[dict[str, Any]]:
    """What the results `probe_<dataset>.json` in a run's folder say: one entry for each way of splitting.

    Returns:
        For each the data set, `split` in words, `seeds`, `commit`, and under `scores` lists of a system, a
        regime, the mean accuracy and its 95% interval, in percent; the gain over random weights is one of the
        systems.

    Raises:
        UserError: if such a file is not a result of this version.
    """
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("probe_*.json")) if folder else []:
        try:
            found += _entries(json.loads(path.read_text("utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UserError(
                f"{path}: not a result of this version ({reason}); probe again, or move it"
            ) from error
    return found


def _entries(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    git = result["provenance"]["git"] or {"commit": "unknown", "dirty": False}
    common = {
        "dataset": result["dataset"],
        "seeds": result["seeds"],
        "commit": git["commit"] + ("-dirty" if git["dirty"] else ""),
    }
    sizes = f"{result['n_classes']} classes, {result['n_train']} training and {result['n_test']} test objects"
    fixed = f"one split: {sizes}, of which pretraining saw {result['pretraining']['saw_test_objects']}"
    yield {**common, "split": fixed, "scores": _scores(result)}
    if folds := result["cross_validation"]:
        text = f"{folds['repeats']} x {folds['folds']} grouped folds over {folds['n_objects']} objects"
        text += f", of which pretraining saw {folds['n_seen']}"
        yield {**common, "split": text, "scores": _scores(folds)}


def _scores(part: dict[str, Any]) -> list[list[Any]]:
    systems = {"pretrained": part["accuracy"]}
    systems |= {title: part["baselines"][name] for name, title in OTHERS.items()}
    systems["gain over random weights"] = part["gain_over_random"]
    return [
        [system, regime, accuracy["mean"], *accuracy["ci95"]]
        for system, regimes in systems.items()
        for regime, accuracy in (regimes or {}).items()
        if accuracy
    ]
