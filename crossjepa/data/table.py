"""Reading and writing the mesh table and the catalog, which extends it."""

from pathlib import Path

import pandas as pd

from crossjepa.errors import UserError
from crossjepa.files import write_whole

OK = "ok"


def read_meshes(path: Path) -> pd.DataFrame:
    """Read a mesh table or a catalog: one row for each object.

    Columns: id, source, name, licence, creator, sha256, faces (0 for a point cloud), points (0 for a mesh),
    extent_x, extent_y, extent_z (source units), up (the axis of a mesh file that was taken to point up),
    warnings (about a usable object, such as a missing texture) and status, `ok` or the reason why the object
    is set aside; a catalog adds class, group, split and split_given, and in `attrs["passed_over"]` how many
    files of a folder are no objects and why, a line for each kind of file.
    """
    return pd.read_parquet(path)


def write_meshes(table: pd.DataFrame, path: Path) -> None:
    """Write a mesh table or a catalog, completely or not at all."""
    with write_whole(path) as partial:
        table.to_parquet(partial, index=False)


def stored_ids(path: Path) -> list[str]:
    """Ids of the usable objects, in the order of the rows of every store."""
    table = pd.read_parquet(path, columns=["id", "status"])
    return table.loc[table["status"] == OK, "id"].tolist()


def remarks(table: pd.DataFrame) -> list[str]:
    """A line for each object of a mesh table that is set aside, then one for each with warnings."""
    aside, warned = table[table["status"] != OK], table[table["warnings"] != ""]
    return [
        *(f"set aside: {name}: {why}" for name, why in zip(aside["id"], aside["status"], strict=True)),
        *(f"warning: {name}: {what}" for name, what in zip(warned["id"], warned["warnings"], strict=True)),
    ]


def check_broken(path: Path, max_bad_fraction: float) -> None:
    """Check how many objects of a mesh table are set aside.

    Raises:
        UserError: if their share is larger than `max_bad_fraction`; names the first three.
    """
    table = pd.read_parquet(path, columns=["id", "status"])
    bad = table[table["status"] != OK]
    if len(bad) > max_bad_fraction * len(table):
        first = "; ".join(bad["id"].head(3) + ": " + bad["status"].head(3))
        raise UserError(
            f"{len(bad)} of {len(table)} meshes are broken, more than data.max_bad_fraction = "
            f"{max_bad_fraction} allows; repair or remove them (the scan's log has all) or raise it: {first}"
        )
