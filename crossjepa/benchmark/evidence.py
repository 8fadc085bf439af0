"""What a benchmark reads: features of every row, brought to the same objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from crossjepa.probe.features import Features, beside, bundled_features, teacher_features
from crossjepa.probe.linear import pooled
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.protocols import ProbeProtocol
from crossjepa.store.bundle import Arrays
from crossjepa.store.seal import read_manifest
from crossjepa.store.sharded import read_array

REGIMES = ("canonical", "zz", "partial")

# For each row its seeds, and of each seed the (N, F) float32 features by regime.
Rows = Mapping[str, Sequence[Arrays]]


class Given(BaseModel):
    """Paths, as the workflow hands them over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bundles(Given):
    """One data set: catalog, geometry, manifest of the target store, and feature bundles, one a seed."""

    catalog: Path
    geometry: Path
    targets: Path
    trained: list[Path]
    random: list[Path]
    shuffled: list[Path]
    untaught: list[Path]


class SplitBundle(Given):
    """A split, and the features of an encoder that did not see its test objects."""

    catalog: Path
    features: Path


class Evidence(Given):
    """Everything that a benchmark reads."""

    probed: Bundles
    elsewhere: Bundles
    splits: list[SplitBundle]
    retrieval: Path
    snapshots: dict[int, Path]


@dataclass(frozen=True)
class Compared:
    """Rows on the same labelled objects."""

    objects: LabelledObjects
    rows: Rows


def ours(paths: Sequence[Path]) -> dict[str, list[Features]]:
    """The features of pretrained encoders, a seed each: tokens, and what is imagined from them."""
    return {
        kind: [bundled_features(path, kind, REGIMES) for path in paths] for kind in ("tokens", "imagined")
    }


def baselines(bundles: Bundles) -> dict[str, list[Features]]:
    """The features of every row that is not ours."""
    tokens = {
        "random_weights": bundles.random,
        "geometry": [bundles.geometry],
        "shuffled_targets": bundles.shuffled,
        "random_teacher": bundles.untaught,
    }
    return {
        **{
            row: [bundled_features(path, "tokens", REGIMES) for path in paths]
            for row, paths in tokens.items()
        },
        "teacher_one_view": _each_view(bundles.targets.parent),
        "teacher_views": [teacher_features(bundles.targets.parent)],
    }


def compare(catalog: Path, features: Mapping[str, Sequence[Features]], chosen: ProbeProtocol) -> Compared:
    """Bring features to the labelled objects that all of them have, pooled as the protocol wants.

    Args:
        catalog: whose labels and split count.
        features: by row, `tokens` and `imagined` among them.
        chosen: the protocol.
    """
    everyone = [own for seeds in features.values() for own in seeds]
    objects = labelled_objects(catalog, set.intersection(*(set(own.ids) for own in everyone)))
    rows = {row: [own.of(objects.ids) for own in seeds] for row, seeds in features.items()}
    for row in {"tokens", "random_weights", "shuffled_targets", "random_teacher"} & rows.keys():
        rows[row] = [{regime: pooled(v, chosen) for regime, v in seed.items()} for seed in rows[row]]
    if "imagined" in rows:
        rows["tokens_and_imagined"] = [
            beside(tokens, views) for tokens, views in zip(rows["tokens"], rows["imagined"], strict=True)
        ]
    return Compared(objects, rows)


def libraries(catalog: Path, ids: Sequence[str]) -> NDArray[np.str_]:
    """Where each object comes from, as its catalog says."""
    return pd.read_parquet(catalog).set_index("id")["source"].loc[list(ids)].to_numpy(str)


def _each_view(store: Path) -> list[Features]:
    """The teacher's embedding of a single view, each view in turn."""
    manifest = read_manifest(store)
    kept = [row for row, object_id in enumerate(manifest.ids) if object_id not in manifest.set_aside]
    ids = [manifest.ids[row] for row in kept]
    embedding: NDArray[np.float32] = read_array(store, "embedding")[kept].astype(np.float32)
    return [
        Features(store, ids, {"canonical": embedding[:, view]}, manifest.attributes)
        for view in range(embedding.shape[1])
    ]
