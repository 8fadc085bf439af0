"""Made-up files of a finished run, and pages that are written about them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from crossjepa.commands.report import app
from crossjepa.store import sharded
from crossjepa.store.bundle import write_bundle
from crossjepa.store.seal import seal

CLASSES = ["chair", "lamp", "<mug>"]
HOSTILE = "</script><b id='out'>&amp;\""  # an id that must stay text
IDS = [*(f"object {i}" for i in range(29)), HOSTILE]
VIEWS = 3


def accuracy(mean: float) -> dict[str, Any]:
    return {"mean": mean, "sd": None, "ci95": [mean - 5, mean + 5]}


def result() -> dict[str, Any]:
    both = {"canonical": accuracy(70.0), "zz": accuracy(60.5)}
    gain = {"mean": 5.0, "ci95": [1.0, 9.0]}
    baselines = {name: both for name in ("random_encoder", "geometry", "majority")}
    baselines["teacher_views"] = {"canonical": accuracy(72.25), "zz": None}
    scores = {
        "accuracy": both,
        "other_features": {"imagined": both, "tokens_and_imagined": both},
        "baselines": baselines,
        "gain_over_random": {"canonical": gain, "zz": gain},
    }
    others = {"encoder": {"canonical": accuracy(64.5), "zz": accuracy(51.0)}, "random_encoder": both}
    single = {"n_train": 5, "n_test": 3, "canonical": 66.0, "zz": None}
    return {
        "dataset": "made-up",
        "data": {"kind": "folder", "up": "y", "units": "m"},
        "protocol": "pointjepa",
        "protocol_source": "a paper",
        "n_train": 15,
        "n_test": 9,
        "n_classes": 3,
        "n_left_out": 0,
        "copies_in_train": 2,
        "classes": CLASSES,
        "seeds": [0],
        "per_seed": {"canonical": [70.0], "zz": [60.5]},
        "per_class": {name: single for name in CLASSES},
        "confusion": [[3, 0, 0], [1, 2, 0], [0, 0, 3]],
        "C_choice": "cross-validation",
        "chosen_C": {"canonical": [0.1], "zz": [1.0]},
        **scores,
        "other_classifiers": {name: others for name in ("logistic_regression", "knn")},
        "cross_validation": {
            "folds": 5,
            "repeats": 1,
            "n_objects": 24,
            "n_seen": 15,
            "saw_test_objects": "partly",
            **scores,
        },
        "encoder": {"parameters": 1942144, "config": {"dim": 192}},
        "pretraining": {
            "datasets": ["made-up"],
            "objects": 21,
            "epochs": 4,
            "same_dataset": True,
            "saw_objects": 15,
            "saw_test_objects": 0,
        },
        "provenance": {
            "git": None,
            "config_hash": "0" * 64,
            "stores": {"points": "1" * 64, "targets": "2" * 64},
            "packages": {"numpy": "2"},
            "device": "cpu",
            "seconds": {"teacher": 12.5},
        },
    }


def prepare(folder: Path) -> None:
    """Write all that a page needs, of 30 objects and one broken mesh; the first object was set aside."""
    rng = np.random.default_rng(0)
    labels = [CLASSES[i % 3] for i in range(24)] + [""] * 6
    splits = ["train"] * 15 + ["test"] * 9 + ["pretrain"] * 6
    write_catalog(folder, IDS, labels, splits)
    pictures = rng.integers(0, 255, size=(30, VIEWS, 96, 96, 3)).astype("uint8")
    write_arrays(folder, IDS, rng.normal(size=(30, 12)).astype("float32"), pictures)
    Image.new("RGB", (2000, 500), "teal").save(folder / "sheet.png")
    record = {"loss": 0.4, "effective_rank": 30.0, "feature_spread": 0.2, "objects_per_second": 50.0}
    lines = [json.dumps({"step": step, **record}) for step in (10, 20, 30)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "config.yaml").write_text("pretrain:\n  loss: mse\n")


def write_catalog(folder: Path, ids: list[str], labels: list[str], splits: list[str]) -> None:
    """Write a catalog, in which one object has a warning and one more is broken."""
    columns = {
        "id": ids,
        "class": labels,
        "split": splits,
        "status": "ok",
        "warnings": "",
        "licence": "CC0",
        "creator": "Ann",
    }
    catalog = pd.DataFrame({**columns, "source": "procedural"})
    broken = pd.DataFrame([{**catalog.iloc[0], "id": "broken mesh", "split": "", "status": "zero area"}])
    catalog.loc[3, "warnings"] = "texture bark.png is missing"
    table = pd.concat([catalog, broken])
    table.attrs["passed_over"] = ["2 .txt passed over: no rows of numbers"]
    table.to_parquet(folder / "catalog.parquet")


def write_arrays(
    folder: Path, ids: list[str], features: NDArray[np.float32], pictures: NDArray[np.uint8]
) -> None:
    """Write features (N, F), and a store of pictures (N, V, 96, 96, 3) that lacks the first object."""
    write_bundle(folder / "features.zip", {"canonical_tokens": features, "zz_tokens": features}, {"ids": ids})
    store, spec = folder / "targets", sharded.ArraySpec(pictures.shape[1:], "uint8")
    sharded.create(store, sharded.Layout(len(ids), 1, 32), {"thumbnails": spec}, {})
    sharded.write_shard(store, 0, ids, {"thumbnails": pictures}, {ids[0]: "no renderer liked it"})
    seal(store, ids, max_bad_fraction=0.1)


def write_page(folder: Path, values: dict[str, Any], *pairs: str) -> str:
    """The page that the command writes about the data set `made-up`, with further inputs in `pairs`."""
    (folder / "probe.json").write_text(json.dumps(values))
    files = {
        "result": "probe.json",
        "features.made-up": "features.zip",
        "catalog.made-up": "catalog.parquet",
        "metrics": "metrics.jsonl",
        "config": "config.yaml",
    }
    inputs = [f"{name}={folder / file}" for name, file in files.items()]
    call("html", [*inputs, *pairs], folder / "out/report.html", "--settings", '{"report": {"queries": 6}}')
    return (folder / "out/report.html").read_text()


def call(command: str, inputs: list[str], output: Path, *options: str) -> None:
    """Call `report <command>`."""
    given = [part for pair in inputs for part in ("--input", pair)]
    outcome = CliRunner().invoke(
        app, [command, *given, "--output", str(output), *options], catch_exceptions=False
    )
    assert outcome.exit_code == 0, outcome.output


def extras(folder: Path) -> list[str]:
    """The optional inputs of the data set `made-up`."""
    return [f"targets.made-up={folder / 'targets'}", f"sheet.made-up={folder / 'sheet.png'}"]
