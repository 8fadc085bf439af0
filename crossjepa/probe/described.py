"""The objects of a run's data set, with classes and features."""

from pathlib import Path

from crossjepa.data.described import DescribedObjects
from crossjepa.data.table import OK, read_meshes
from crossjepa.errors import UserError
from crossjepa.store.bundle import read_bundle
from crossjepa.store.points import read_points
from crossjepa.store.seal import read_manifest

POINTS = 1024  # of a cloud: enough to tell shapes apart


def read_described(catalog: Path, features: Path, points: Path) -> DescribedObjects:
    """Read the usable objects of a run.

    Args:
        catalog: the data set's catalog.
        features: the bundle of a trained encoder's features.
        points: the data set's sealed point store.

    Raises:
        UserError: if a file is missing or wrong, or the features are of other objects than the store.
    """
    table, manifest = read_meshes(catalog).set_index("id", drop=False), read_manifest(points)
    arrays, attributes = read_bundle(features, ["canonical_tokens"])
    ids = attributes["ids"]
    row = {object_id: number for number, object_id in enumerate(manifest.ids)}
    if other := next((each for each in ids if each not in row or each not in table.index), None):
        raise UserError(f"{features}: '{other}' is not in the catalog and the point store; extract again")
    broken = table[table["status"] != OK]
    return DescribedObjects(
        table=table.loc[ids, ["id", "class", "group", "split", "sha256"]].reset_index(drop=True),
        clouds=read_points(points, "xyz", POINTS, [row[each] for each in ids]),
        features=arrays["canonical_tokens"],
        reasons=dict(zip(broken["id"], broken["status"], strict=True)) | manifest.set_aside,
    )
