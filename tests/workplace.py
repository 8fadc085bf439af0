"""A synthetic data set with stores, feature zips and training logs, for tests of the probe's commands."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from crossjepa.commands.probe import app
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.settings import ProbeSettings
from crossjepa.store import seal, sharded
from crossjepa.store.bundle import write_bundle

CLASSES, PER_CLASS, BAD = ("bed", "chair", "lamp"), 14, "chair-13"
QUICK = ProbeSettings(C=[1e-3, 1e-1, 10.0], folds=3, repeats=2, bootstrap=200)


def blobs(
    seed: int = 0, classes: int = 4, groups: int = 12, noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 20) around a mean a class, labels and groups of one to three near-duplicates."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, classes * groups)
    owner = np.repeat(np.arange(classes * groups), sizes)
    labels = owner % classes
    centres = rng.normal(size=(classes, 20)) + noise * 0.5 * rng.normal(size=(groups, classes, 20))
    features = centres.reshape(-1, 20)[owner] + noise * rng.normal(size=(len(owner), 20))
    return features.astype(np.float32), labels.astype(np.int64), owner.astype(np.int64)


def as_objects(
    labels: np.ndarray, groups: np.ndarray, test: np.ndarray, libraries: np.ndarray | None = None
) -> LabelledObjects:
    """Objects without files; `test` is a mask."""
    return LabelledObjects(
        ids=np.arange(len(labels)).astype(str),
        classes=np.array([f"class {c}" for c in range(labels.max() + 1)]),
        labels=labels,
        group_names=np.array([f"g{g}" for g in range(groups.max() + 1)]),
        groups=groups,
        digests=np.full(len(labels), ""),
        libraries=np.full(len(labels), "") if libraries is None else libraries,
        train=np.flatnonzero(~test),
        test=np.flatnonzero(test),
        split_given=False,
        left_out=0,
    )


class Workplace:
    """All files that the commands read: 42 labelled objects, 6 unlabelled, one set aside as a target."""

    def __init__(self, folder: Path) -> None:
        self.folder, rng = folder, np.random.default_rng(0)
        labels = np.repeat(np.arange(3), PER_CLASS)
        labelled = [f"{c}-{i}" for c in CLASSES for i in range(PER_CLASS)]
        self.ids = [*labelled, *(f"extra-{i}" for i in range(6))]
        split = ["train" if i < 9 else "test" for _ in CLASSES for i in range(PER_CLASS)]
        self.table = pd.DataFrame(
            {
                "id": self.ids,
                "sha256": [hashlib.sha256(i.encode()).hexdigest() for i in self.ids],
                "split_given": False,
                "class": [CLASSES[c] for c in labels] + [""] * 6,
                "group": [f"g{i}" for i in range(48)],
                "split": split + ["pretrain"] * 6,
                "source": ["a", "b", "c"] * 16,
            }
        )
        self.table.to_parquet(folder / "catalog.parquet")
        signal = np.zeros((48, 8), dtype=np.float32)
        signal[np.arange(42), labels] = 4.0
        self.good = signal + rng.normal(size=(48, 8)).astype(np.float32)
        order = rng.permutation(48)  # bundles and catalog need not agree on the order
        shown = [self.ids[i] for i in order]
        size = {"parameters": 7, "config": {"dim": 4}}
        seen = [d[:16] for d, s in zip(self.table["sha256"], self.table["split"], strict=True) if s != "test"]
        origin = {"datasets": ["toys"], "objects": 33, "epochs": 2, "steps": 9, "device": "cpu", "seen": seen}
        for seed in (3, 4):
            self.bundle(f"encoder{seed}", shown, self.good[order], size | {"seed": seed}, origin)
            self.log(f"encoder{seed}.jsonl", 10.0 * seed)
        noise = rng.normal(size=(48, 8)).astype(np.float32)
        self.bundle("random", shown, noise[order], size | {"seed": 0}, {})
        self.bundle("geometry", shown, self.good[order, :2], {}, {})
        self.store("points", {"xyz": rng.normal(size=(48, 5, 3)).astype(np.float32)}, {})
        views = (self.good[:, None] + rng.normal(size=(48, 4, 8))).astype(np.float16)
        self.store("targets", {"embedding": views}, {BAD: "no texture"})
        (folder / "run.yaml").write_text("run: x\n")
        for name, seconds in {"render/a": 1.5, "render/b": 2.0, "teacher/deep/a": 4.0}.items():
            file = folder / "benchmarks" / f"{name}.tsv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t-\n")

    def bundle(self, name: str, ids: list[str], values: np.ndarray, encoder: Any, pretraining: Any) -> None:
        arrays = {
            f"{regime}_{kind}": array
            for regime, tokens in (("canonical", values), ("zz", values[:, ::-1] + 0.5), ("partial", values))
            for kind, array in (("tokens", tokens), ("imagined", 2 * values))
        }
        write_bundle(self.folder / name, arrays, {"ids": ids, "encoder": encoder, "pretraining": pretraining})

    def log(self, name: str, seconds: float, **scores: float) -> None:
        record = {"seconds": seconds, "effective_rank": 5.0, **scores}
        lines = [json.dumps(record | {"seconds": 1.0}), json.dumps(record)]
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def store(self, name: str, arrays: dict[str, np.ndarray], set_aside: dict[str, str]) -> None:
        path, layout = self.folder / name, sharded.Layout(objects=48, shards=2, chunk=32)
        specs = {k: sharded.ArraySpec(v.shape[1:], str(v.dtype)) for k, v in arrays.items()}
        sharded.create(path, layout, specs, {})
        for shard in range(2):
            rows = layout.positions(shard)
            ids = [self.ids[r] for r in rows]
            bad = {i: reason for i, reason in set_aside.items() if i in ids}
            sharded.write_shard(path, shard, ids, {k: v[list(rows)] for k, v in arrays.items()}, bad)
        seal.seal(path, self.ids, 0.5)

    SYSTEMS: Mapping[str, Sequence[str]] = {
        "catalog": ["catalog.parquet"],
        "trained": ["encoder3", "encoder4"],
        "random": ["random"],
        "geometry": ["geometry"],
        "targets": ["targets"],
    }
    REST: Mapping[str, Sequence[str]] = {
        "catalog": ["catalog.parquet"],
        "trained": ["encoder3", "encoder4"],
        "points": ["points"],
        "targets": ["targets"],
        "metrics": ["encoder3.jsonl", "encoder4.jsonl"],
        "config": ["run.yaml"],
        "seconds.render": ["benchmarks/render"],
        "seconds.teacher": ["benchmarks/teacher/deep/a.tsv"],
    }

    def call(
        self,
        command: str,
        inputs: Mapping[str, Sequence[str]],
        output: str,
        suite: str = "",
        probe: ProbeSettings = QUICK,
        dataset: str = "toys",
        **sections: Any,
    ) -> str:
        """Run a command and return what it printed."""
        chosen = {"probe": probe.model_dump(mode="json"), **sections}
        chosen["data"] = {dataset: {"kind": "folder", "path": "toys"}}
        arguments = [command, "--settings", json.dumps(chosen), "--dataset", dataset]
        arguments += ["--suite", suite] if suite else []
        for name, paths in inputs.items():
            for path in paths:
                arguments += ["--input", f"{name}={self.folder / path}"]
        outcome = CliRunner().invoke(
            app, [*arguments, "--output", str(self.folder / output)], catch_exceptions=False
        )
        assert outcome.exit_code == 0, outcome.output
        return outcome.output
