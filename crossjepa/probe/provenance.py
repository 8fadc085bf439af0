"""Everything in a result except scores: data set, objects, encoders, code, packages and time."""

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import crossjepa
from crossjepa.commit import commit
from crossjepa.data.settings import Source
from crossjepa.errors import UserError
from crossjepa.files import sha256_file, write_whole
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.protocols import protocol
from crossjepa.probe.result import Git, Provenance
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.systems import Inputs, one
from crossjepa.store.bundle import read_bundle

PACKAGES = ("numpy", "pandas", "pydantic", "scikit-learn", "scipy", "zarr")


@dataclass(frozen=True)
class Background:
    """Everything in a result except scores.

    Attributes:
        head: the fields of `result.Head`.
        objects: the labelled objects that all systems have features of.
        sizes: the first encoder's seed, parameters and config, as its feature zip states them.
        origins: each encoder's pretraining: datasets, objects, epochs, steps, device, and under `seen` the
            first 16 hex digits of its meshes' digests.
    """

    head: dict[str, Any]
    objects: LabelledObjects
    sizes: dict[str, Any]
    origins: list[dict[str, Any]]


def read_background(
    table: pd.DataFrame, source: Source, settings: ProbeSettings, inputs: Inputs, folder: Path
) -> Background:
    """Read everything in a result except scores.

    Args:
        table: answers; see `answers`.
        source: the data set's entry under `data`.
        settings: the probe section.
        inputs: `catalog`, `trained`, `config`; optionally `points`, `targets`, `metrics`, `seconds.<stage>`.
        folder: the result's folder; its subfolder `configs` keeps the configuration.

    Raises:
        UserError: if a file is missing or wrong.
    """
    objects = labelled_objects(one(inputs, "catalog"), table.attrs["ids"])
    encoders = [read_bundle(path, names=())[1] for path in inputs.get("trained", [])]
    origins = [encoder["pretraining"] for encoder in encoders]
    head = {
        "dataset": table.attrs["dataset"],
        "data": source.model_dump(mode="json", exclude={"path", "labels", "points", "views", "lists"}),
        "protocol": settings.protocol,
        "protocol_source": protocol(settings.protocol, source.kind).source,
        "n_train": len(objects.train),
        "n_test": len(objects.test),
        "n_classes": len(objects.classes),
        "seeds": [encoder["encoder"]["seed"] for encoder in encoders],
        "provenance": provenance(inputs, origins[0].get("device"), folder),
    }
    return Background(head, objects, encoders[0]["encoder"], origins)


def provenance(inputs: Inputs, device: str | None, folder: Path) -> Provenance:
    """The provenance of a result; for the arguments see `read_background`."""
    config = one(inputs, "config")
    stores: dict[Any, Path] = {
        name: inputs[name][0] / "manifest.json" for name in ("points", "targets") if name in inputs
    }
    config_hash = sha256_file(config)
    if not (kept := folder / "configs" / f"{config_hash}.yaml").exists():  # no later run overwrites it
        with write_whole(kept) as partial:
            partial.write_bytes(config.read_bytes())
    return Provenance(
        git=_git(commit()),
        config_hash=config_hash,
        stores={name: sha256_file(manifest) for name, manifest in stores.items()},
        packages={"python": platform.python_version(), "crossjepa": crossjepa.__version__}
        | {name: version(name) for name in PACKAGES},
        device=device,
        seconds=stage_seconds(inputs),
    )


def _git(described: str | None) -> Git | None:
    """A commit as a result names it."""
    if described is None:
        return None
    return Git(commit=described.removesuffix("-dirty"), dirty=described.endswith("-dirty"))


def stage_seconds(inputs: Inputs) -> dict[str, float]:
    """Wall seconds by stage.

    Args:
        inputs: under `metrics` the training logs of the probed seeds, for `pretrain`; under `seconds.<stage>`
            Snakemake's benchmark files, or folders that hold them at any depth.
    """
    logs = inputs.get("metrics", [])
    seconds = {"pretrain": sum(last_record(log)["seconds"] for log in logs)} if logs else {}
    for name in (name for name in inputs if name.startswith("seconds.")):
        files = [
            file for path in inputs[name] for file in ([path] if path.is_file() else path.rglob("*.tsv"))
        ]
        seconds[name.removeprefix("seconds.")] = sum(
            pd.read_csv(f, sep="\t")["s"].sum() for f in sorted(files)
        )
    return {stage: round(float(spent), 1) for stage, spent in seconds.items()}


def last_record(log: Path) -> dict[str, Any]:
    """The last record of a training log.

    Raises:
        UserError: if the log is missing or empty.
    """
    lines = log.read_text().splitlines() if log.is_file() else []
    if not lines:
        raise UserError(f"{log}: no training log; pretrain the encoder again")
    record: dict[str, Any] = json.loads(lines[-1])
    return record
