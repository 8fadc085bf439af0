"""The systems that a probe compares, brought to the same objects and the protocol's features."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from crossjepa.data.settings import Source
from crossjepa.errors import UserError
from crossjepa.probe.features import Features, beside, bundled_features, teacher_features
from crossjepa.probe.linear import pooled
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.protocols import ProbeProtocol, protocol
from crossjepa.probe.result import Head
from crossjepa.probe.settings import ProbeSettings
from crossjepa.settings import check
from crossjepa.store.bundle import Arrays


class Origin(BaseModel):
    """What an encoder's bundle says of its pretraining; `seen` are the heads of its meshes' digests."""

    datasets: list[str]
    objects: int
    epochs: int
    seen: list[str]
    device: str | None = None


@dataclass(frozen=True)
class Systems:
    """All that a probe reads.

    Attributes:
        protocol: as it is used on this kind of data set.
        objects: the labelled objects that all systems have features of.
        features: for each system its seeds, and of each seed the (N, F) float32 features by regime.
        origins: each pretrained encoder's pretraining.
        encoder: what the first encoder's bundle says of its size.
        head: what every result begins with.
    """

    protocol: ProbeProtocol
    objects: LabelledObjects
    features: dict[str, list[Arrays]]
    origins: list[Origin]
    encoder: dict[str, Any]
    head: Head


def read_systems(
    dataset: str,
    source: Source,
    settings: ProbeSettings,
    catalog: Path,
    encoder: Sequence[Path],
    random: Sequence[Path],
    targets: Path | None,
    geometry: Path | None = None,
    imagined: bool = False,
) -> Systems:
    """Read features and join them to the catalog's labels.

    Args:
        dataset, source: the data set's name and its entry under `data`.
        settings: the probe section.
        catalog: the data set's catalog.
        encoder: bundles of pretrained encoders, one a seed.
        random: bundles of random-weight encoders.
        targets: the sealed target store; none of point clouds.
        geometry: the bundle of geometric descriptors, for a probe that compares them.
        imagined: read what the predictor imagines as well, as the system `imagined`, and beside the tokens as
            the system `tokens_and_imagined`.

    Raises:
        UserError: if a file is missing or wrong, encoders differ in size, or nothing can be probed.
    """
    given = {
        "encoder": [bundled_features(path) for path in encoder],
        "random_encoder": [bundled_features(path) for path in random],
        "teacher_views": [teacher_features(targets)] if targets else [],
        "geometry": [bundled_features(geometry)] if geometry else [],
        "imagined": [bundled_features(path, "imagined") for path in encoder] if imagined else [],
    }
    given = {system: seeds for system, seeds in given.items() if seeds}
    origins = _origins(given["encoder"], given["random_encoder"])
    everyone = [features for seeds in given.values() for features in seeds]
    objects = labelled_objects(catalog, set.intersection(*(set(features.ids) for features in everyone)))
    chosen = protocol(settings.protocol, source.kind)
    rows = {system: [features.of(objects.ids) for features in seeds] for system, seeds in given.items()}
    for system in ("encoder", "random_encoder"):
        rows[system] = [{r: pooled(v, chosen) for r, v in seed.items()} for seed in rows[system]]
    if imagined:
        rows["tokens_and_imagined"] = [
            beside(tokens, views) for tokens, views in zip(rows["encoder"], rows["imagined"], strict=True)
        ]
    head = Head(
        dataset=dataset,
        data=source.model_dump(mode="json", exclude={"path", "labels", "points", "views", "lists"}),
        protocol=settings.protocol,
        protocol_source=chosen.source,
        n_train=len(objects.train),
        n_test=len(objects.test),
        n_classes=len(objects.classes),
        seeds=[features.attributes["encoder"]["seed"] for features in given["encoder"]],
    )
    first = given["encoder"][0].attributes["encoder"]
    return Systems(chosen, objects, rows, origins, first, head)


def _origins(encoders: Sequence[Features], random: Sequence[Features]) -> list[Origin]:
    """Each encoder's pretraining, after making sure that like is compared with like."""
    sizes = [(features.path, features.attributes["encoder"]["config"]) for features in [*encoders, *random]]
    for path, size in sizes:
        if size != sizes[0][1]:
            raise UserError(f"{path}: an encoder of another size than {sizes[0][0]}; extract both again")
    return [check(Origin, e.attributes["pretraining"], f"{e.path}", "pretraining") for e in encoders]
