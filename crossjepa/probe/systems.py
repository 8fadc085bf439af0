"""The compared systems: features of the same labelled objects, pooled as the protocol says."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.probe.objects import LabelledObjects, labelled_ids, labelled_objects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.store.bundle import Arrays, read_bundle
from crossjepa.store.reading import read_array
from crossjepa.store.seal import read_manifest

Inputs = Mapping[str, Sequence[Path]]

# The names of systems, where they differ from the names of their inputs.
RENAMED = {"trained": "encoder", "random": "random_encoder"}
FEATURES = ("trained", "random", "shuffled_targets", "random_teacher", "geometry")


@dataclass(frozen=True)
class Reading:
    """What a suite reads.

    Attributes:
        regimes: pose regimes.
        imagined: whether to read the predictor's embeddings.
        each_view: whether each single view of the teacher is a system.
        majority: whether to add a system without features, which answers the majority class.
        sweep: whether the inputs are a sweep's variants, whose names the systems take.
        needs: inputs that must be given.
    """

    regimes: tuple[str, ...] = ("canonical", "zz")
    imagined: bool = True
    each_view: bool = False
    majority: bool = False
    sweep: bool = False
    needs: tuple[str, ...] = ("trained", "random")


@dataclass(frozen=True)
class System:
    """One row of features for every object.

    Attributes:
        name: the system's name, the same for all its seeds.
        seed: pretraining seed, seed of random weights, or number of the teacher's view.
        source: where the features were read from.
        ids: the objects' ids.
        regimes: (N, F) float32 features by pose regime.
        attributes: the bundle's attributes; empty for the teacher.
    """

    name: str
    seed: int
    source: Path
    ids: Sequence[str]
    regimes: Arrays
    attributes: dict[str, Any]

    def of(self, ids: Sequence[str]) -> "System":
        """The same system with the objects `ids`, in their order.

        Raises:
            UserError: if a value is not finite.
        """
        row = {object_id: index for index, object_id in enumerate(self.ids)}
        rows = [row[object_id] for object_id in ids]
        same = rows == [*range(len(row))]  # then a copy would double what the probe needs
        chosen = {
            regime: (values if same else values[rows]).astype(np.float32, copy=False)
            for regime, values in self.regimes.items()
        }
        for regime, values in chosen.items():
            if len(bad := np.flatnonzero(~np.isfinite(values).all(axis=1))):
                raise UserError(
                    f"{self.source}: the {regime} feature of {ids[bad[0]]} is not finite; extract it again"
                )
        return replace(self, ids=ids, regimes=chosen)


def one(inputs: Inputs, name: str) -> Path:
    """The single path that `--input` gives under a name.

    Raises:
        UserError: if the number of paths is not one.
    """
    if len(paths := inputs.get(name, [])) != 1:
        raise UserError(f"--input {name}=…: needed once, given {len(paths)} times")
    return paths[0]


def read_systems(
    inputs: Inputs, reading: Reading, protocol: ProbeProtocol
) -> tuple[list[System], LabelledObjects]:
    """Read all systems that the inputs name, and the labelled objects that all of them have.

    Args:
        inputs: `catalog`, `targets` and feature zips by variant; training logs are ignored.
        reading: what to read.
        protocol: how tokens are pooled.

    Raises:
        UserError: if a file is missing or wrong, encoders differ in size, or nothing can be probed.
    """
    labelled = labelled_ids(one(inputs, "catalog"))
    systems: list[System] = []
    if "targets" in inputs:
        systems += _teacher(one(inputs, "targets"), labelled, reading.each_view)
    for variant, paths in inputs.items():
        if variant in ("catalog", "targets") or variant.endswith(".metrics"):
            continue
        if not reading.sweep and variant not in FEATURES:
            raise UserError(f"--input {variant}=…: not an input of this suite; see docs/results.md")
        for path in paths:
            systems += _bundle(path, variant, labelled, reading, protocol)
    if missing := [name for name in reading.needs if name not in inputs]:
        raise UserError(f"--input {missing[0]}=…: missing; give the features of that variant")
    _check_sizes([system for system in systems if system.name in ("encoder", "random_encoder")])
    objects = labelled_objects(one(inputs, "catalog"), set.intersection(*(set(s.ids) for s in systems)))
    ids = objects.ids.tolist()
    systems = [system.of(ids) for system in systems]
    if reading.majority:
        nothing = np.empty((len(ids), 0), np.float32)
        systems.append(System("majority", 0, Path(), ids, dict.fromkeys(reading.regimes, nothing), {}))
    return systems, objects


def _check_sizes(encoders: Sequence[System]) -> None:
    """Check that all encoders have the same size: random weights of another are no baseline."""
    for system in encoders:
        if system.attributes["encoder"].get("config") != encoders[0].attributes["encoder"].get("config"):
            raise UserError(
                f"{system.source}: an encoder of another size than {encoders[0].source}; extract both again"
            )


def _bundle(
    path: Path, variant: str, labelled: Collection[str], reading: Reading, protocol: ProbeProtocol
) -> Iterator[System]:
    """The systems of one feature zip: pooled tokens, and the predictor's embeddings of trained encoders.

    Only features of labelled objects are kept.
    """
    trained = reading.imagined and (reading.sweep or variant == "trained")
    kinds = ("tokens", "imagined") if trained else ("tokens",)
    needed = [f"{regime}_{kind}" for regime, kind in product(reading.regimes, kinds)]
    arrays, attributes = read_bundle(path, needed)
    if missing := [name for name in needed if name not in arrays]:
        raise UserError(f"{path}: has no {missing[0]} features; extract features again")
    rows = {object_id: row for row, object_id in enumerate(attributes.pop("ids")) if object_id in labelled}
    chosen = {name: values[[*rows.values()]] for name, values in arrays.items()}
    features = {kind: {regime: chosen[f"{regime}_{kind}"] for regime in reading.regimes} for kind in kinds}
    if protocol.pooling == "max" and variant != "geometry":  # tokens are the maximum, then the mean
        features["tokens"] = {
            k: values[:, : values.shape[1] // 2] for k, values in features["tokens"].items()
        }
    if trained:
        pairs = {regime: [features[kind][regime] for kind in kinds] for regime in reading.regimes}
        features["tokens_and_imagined"] = {regime: np.hstack(pair) for regime, pair in pairs.items()}
    own = variant if reading.sweep else RENAMED.get(variant, variant)
    prefix = f"{variant}:" if reading.sweep else ""
    for kind, regimes in features.items():
        name = own if kind == "tokens" else prefix + kind
        if name != f"{variant}:imagined":
            yield System(name, attributes["encoder"].get("seed", 0), path, [*rows], regimes, attributes)


def _teacher(store: Path, labelled: Collection[str], each_view: bool) -> Iterator[System]:
    """The teacher's mean view embedding, and each single view's; canonical only, as views are not rotated."""
    stored = read_manifest(store).rows
    ids = [object_id for object_id in stored if object_id in labelled]
    embedding: NDArray[np.float16] = read_array(store, "embedding", rows=[stored[i] for i in ids])
    mean = embedding.mean(axis=1, dtype=np.float32)
    yield System("teacher_views", 0, store, ids, {"canonical": mean}, {})
    for view in range(embedding.shape[1]) if each_view else []:
        yield System("teacher_one_view", view, store, ids, {"canonical": embedding[:, view]}, {})
