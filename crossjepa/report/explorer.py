"""What a reader can explore of a data set: its objects on a map, their neighbours and turning pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossjepa.report.feature_map import Map, draw_map
from crossjepa.report.neighbours import nearest, spread_over_classes
from crossjepa.report.settings import ReportSettings
from crossjepa.report.sprites import Sprites, read_sprites
from crossjepa.store.bundle import read_bundle

OBJECTS = 15_000  # on a map; all of ModelNet40, and as many as t-SNE places in a few minutes


@dataclass(frozen=True)
class Explorer:
    """Objects in rows, as the page shows them.

    Attributes:
        total: how many objects there are; at most `OBJECTS` of them have rows.
        ids: of each row.
        labels: the class of each row, empty where unknown.
        neighbours: (rows, K) rows of each row's nearest neighbours, nearest first.
        queries: rows of test objects to show with their neighbours.
        map: where each row lies.
        sprites: pictures of some objects; None for a data set without views.
    """

    total: int
    ids: list[str]
    labels: list[str]
    neighbours: list[list[int]]
    queries: list[int]
    map: Map
    sprites: Sprites | None

    @cached_property
    def pictures(self) -> dict[int, str]:
        """Data URIs of sprites by row."""
        uris = self.sprites.uris if self.sprites else {}
        return {row: uris[object_id] for row, object_id in enumerate(self.ids) if object_id in uris}

    @property
    def known(self) -> dict[str, Any]:
        """What the page's script knows, as plain JSON types."""
        return {
            "ids": self.ids,
            "labels": self.labels,
            "neighbours": self.neighbours,
            "pictured": list(self.pictures),
        }


def explore(
    parts: Mapping[str, Path],
    catalog: pd.DataFrame,
    left_out: Mapping[str, str],
    settings: ReportSettings,
    pictures: int,
) -> Explorer:
    """Choose the objects to show, and find their places, neighbours and pictures.

    Args:
        parts: `features` and, where there are views, `targets`.
        catalog: the data set's catalog.
        left_out: objects that are not shown.
        settings: how many queries and neighbours to show.
        pictures: objects that may have one.

    Raises:
        UserError: if the features or the target store cannot be read.
    """
    features, table, total = _objects(parts["features"], catalog, left_out)
    labels = table["class"].to_numpy(dtype=str)
    neighbours = nearest(features, np.arange(len(features)), settings.neighbours)
    tests = np.flatnonzero(table["split"] == "test")
    queries = tests[spread_over_classes(labels[tests], settings.queries)]
    first = np.r_[queries, neighbours[queries].ravel(), spread_over_classes(labels, pictures)]
    pictured = table.index[pd.unique(first)[:pictures]]
    return Explorer(
        total=total,
        ids=table.index.tolist(),
        labels=labels.tolist(),
        neighbours=neighbours.tolist(),
        queries=queries.tolist(),
        map=draw_map(features, labels),
        sprites=read_sprites(parts["targets"], pictured) if "targets" in parts else None,
    )


def _objects(
    file: Path, catalog: pd.DataFrame, left_out: Mapping[str, str]
) -> tuple[NDArray[np.float32], pd.DataFrame, int]:
    """Features (N, F) and catalog rows of the objects to show, and how many could be shown."""
    arrays, attributes = read_bundle(file, ["canonical_tokens"])
    ids = np.array(attributes["ids"])
    usable = np.flatnonzero(~np.isin(ids, list(left_out)))
    table = catalog.set_index("id").loc[ids[usable]]
    chosen = np.sort(spread_over_classes(table["class"].to_numpy(dtype=str), OBJECTS))
    return arrays["canonical_tokens"][usable[chosen]], table.iloc[chosen], len(usable)
