"""Reading and writing the mesh table, and the catalog that is made of it."""

import os
from pathlib import Path

import pandas as pd

OK = "ok"
SHOWN = 2048  # points; no protocol of a probe shows an encoder more


def read_meshes(path: Path) -> pd.DataFrame:
    """Read a mesh table, or the catalog made of it: one row an object.

    Columns: id, source, name, licence, creator, sha256, faces (0 for a point cloud), points (0 for a mesh),
    extent_x, extent_y, extent_z (source units) and status, `ok` or the reason why the object is set aside;
    a catalog adds class, group, split and split_given.
    """
    return pd.read_parquet(path)


def write_meshes(table: pd.DataFrame, path: Path) -> None:
    """Write a mesh table or a catalog, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    table.to_parquet(partial, index=False)
    os.replace(partial, path)


def stored_ids(path: Path) -> list[str]:
    """Ids of the usable meshes, in the order of the rows of every store."""
    table = read_meshes(path)
    return table.loc[table["status"] == OK, "id"].tolist()


def stored_points(path: Path, wanted: int) -> int:
    """Points that a store keeps of each object: as many as wanted, less where all clouds have fewer.

    They are never less than what an encoder may be shown: points of smaller clouds are repeated.
    """
    table = read_meshes(path)
    usable = table.loc[table["status"] == OK, "points"]
    return wanted if usable.empty or (usable == 0).any() else min(wanted, max(int(usable.max()), SHOWN))
