"""What an encoder was trained from, as plain JSON types: kept in its file, and told on its model card."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch

from crossjepa.files import sha256_file
from crossjepa.pretrain.examples import TRAINING, Stores, usable_rows
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.store.seal import read_manifest


def determinants(settings: PretrainSettings, stores: Sequence[Stores], seed: int) -> dict[str, Any]:
    """Seed, settings and stores: what determines an encoder, and so whether a run may resume."""
    # Without the settings that only change how a batch is computed: a run may resume with other ones.
    plain = settings.model_dump(mode="json", exclude={"seeds", "accumulate", "compile"})
    names = [dataset.name for dataset in settings.datasets]
    digests = {
        name: {kind: sha256_file(getattr(each, kind) / "manifest.json") for kind in ("points", "targets")}
        for name, each in zip(names, stores, strict=True)
    }
    return {"seed": seed, "settings": plain, "stores": digests, "torch": torch.__version__}


def clouds(settings: PretrainSettings, stores: Sequence[Stores]) -> dict[str, dict[str, Any]]:
    """How the clouds of each data set were made, so that others can be made alike."""
    made = [read_manifest(each.points).attributes for each in stores]
    return {
        dataset.name: {**each["settings"], "up": each["source"].get("up", "file")}
        for dataset, each in zip(settings.datasets, made, strict=True)
    }


def teacher(stores: Sequence[Stores]) -> dict[str, Any]:
    """The teacher's settings, the digest of its weights, and how the views that it embedded were rendered."""
    made = read_manifest(stores[0].targets).attributes
    return {**made["teacher"], "sha256": made["weights"]["sha256"], "render": made["render"]}


def sources(settings: PretrainSettings, stores: Sequence[Stores]) -> list[dict[str, Any]]:
    """For each source of training objects: data set, source, licence, number of objects, and creators."""
    listed = []
    for dataset, each in zip(settings.datasets, stores, strict=True):
        columns = ["id", "source", "licence", "creator"]
        table = pd.read_parquet(each.catalog, columns=columns).set_index("id")
        table = table.loc[[*usable_rows(each, TRAINING)]]
        for (source, licence), objects in table.groupby(["source", "licence"]):
            creators = sorted(set(objects["creator"]) - {""}, key=str.casefold)
            named = {"dataset": dataset.name, "source": source, "licence": licence}
            listed.append({**named, "objects": len(objects), "creators": creators})
    return listed


def seen(stores: Sequence[Stores]) -> list[str]:
    """First 16 hexadecimal digits of the training meshes' SHA-256, to recognise them in other data sets."""
    prefixes: set[str] = set()
    for each in stores:
        digests = pd.read_parquet(each.catalog, columns=["id", "sha256"]).set_index("id")["sha256"]
        prefixes.update(digests.loc[[*usable_rows(each, TRAINING)]].str[:16])
    return sorted(prefixes)
