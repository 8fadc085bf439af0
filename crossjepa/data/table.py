"""Reading the mesh table, and the catalog that is made of it."""

from pathlib import Path

import pandas as pd

OK = "ok"


def read_meshes(path: Path) -> pd.DataFrame:
    """Read a mesh table, or the catalog made of it: one row an object.

    Columns: id, source, name, licence, creator, sha256, faces, extent_x, extent_y, extent_z (source units)
    and status, `ok` or the reason why the mesh is set aside; a catalog adds class, group and split.
    """
    return pd.read_parquet(path)


def stored_ids(path: Path) -> list[str]:
    """Ids of the usable meshes, in the order of the rows of every store."""
    table = read_meshes(path)
    return table.loc[table["status"] == OK, "id"].tolist()
