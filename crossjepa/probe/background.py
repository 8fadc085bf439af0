"""What all results say besides their numbers: data set, objects, encoders, provenance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from crossjepa.data.settings import Source
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.parts import Head, Provenance
from crossjepa.probe.protocols import protocol
from crossjepa.probe.provenance import provenance
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.systems import Inputs, one
from crossjepa.settings import check
from crossjepa.store.bundle import read_bundle


class Origin(BaseModel):
    """Pretraining of one encoder; `seen` are the first 16 hex digits of its meshes' digests."""

    datasets: list[str]
    objects: int
    epochs: int
    steps: int | None = None
    seen: list[str]
    device: str | None = None


@dataclass(frozen=True)
class Background:
    """See the module.

    Attributes:
        objects: the labelled objects that all systems have features of.
        head: fields that all results share.
        origins: each encoder's pretraining.
        encoder: the first encoder's size, as its feature zip states it.
        provenance: of the result.
    """

    objects: LabelledObjects
    head: Head
    origins: list[Origin]
    encoder: dict[str, Any]
    provenance: Provenance


def read_background(
    table: pd.DataFrame, source: Source, settings: ProbeSettings, inputs: Inputs, folder: Path
) -> Background:
    """Read what a result says besides its numbers.

    Args:
        table: answers; see `answers`.
        source: the data set's entry under `data`.
        settings: the probe's.
        inputs: `catalog`, `trained`, and those of `provenance`.
        folder: of the result.

    Raises:
        UserError: if a file is missing or wrong.
    """
    objects = labelled_objects(one(inputs, "catalog"), table.attrs["ids"])
    bundles = {path: read_bundle(path)[1] for path in inputs.get("trained", [])}
    origins = [check(Origin, b["pretraining"], f"{path}", "pretraining") for path, b in bundles.items()]
    head = Head(
        dataset=table.attrs["dataset"],
        data=source.model_dump(mode="json", exclude={"path", "labels", "points", "views", "lists"}),
        protocol=settings.protocol,
        protocol_source=protocol(settings.protocol, source.kind).source,
        n_train=len(objects.train),
        n_test=len(objects.test),
        n_classes=len(objects.classes),
        seeds=[attributes["encoder"]["seed"] for attributes in bundles.values()],
    )
    encoder = next(iter(bundles.values()))["encoder"]
    return Background(objects, head, origins, encoder, provenance(inputs, origins[0].device, folder))
