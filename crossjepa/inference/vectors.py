"""Vectors of objects as a table for other programs."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError, needing
from crossjepa.files import printable, write_whole

FORMATS = (".parquet", ".csv", ".npz")


def check_format(path: Path) -> None:
    """Check that a table can be written under a name.

    Raises:
        UserError: if its ending names no format, or the format's package is missing.
    """
    if path.suffix == ".parquet":
        with needing("workflow"):
            import pyarrow  # noqa: F401
    if path.suffix not in FORMATS:
        raise UserError(f"{path}: its name must end in {', '.join(FORMATS)}")


def write_vectors(path: Path, ids: Sequence[str], paths: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Write a table of vectors, whole or not at all.

    Args:
        path: a `.parquet` with the columns id, path and vector (a list of float32), a `.csv` with a column
            for each number of the vector, or an `.npz` with the arrays ids, paths and vectors.
        ids: N ids.
        paths: where the N objects lie.
        vectors: (N, D) float32.
    """
    check_format(path)
    ids, paths = [*map(printable, ids)], [*map(printable, paths)]
    write = {".parquet": _write_parquet, ".csv": _write_csv, ".npz": _write_npz}[path.suffix]
    with write_whole(path) as partial:
        write(partial, ids, paths, vectors)


def _write_parquet(
    path: Path, ids: Sequence[str], paths: Sequence[str], vectors: NDArray[np.float32]
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    width = vectors.shape[1]
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width)
    parquet.write_table(pa.table({"id": list(ids), "path": list(paths), "vector": values}), path)


def _write_csv(path: Path, ids: Sequence[str], paths: Sequence[str], vectors: NDArray[np.float32]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "path", *map(str, range(vectors.shape[1]))])
        rows = zip(ids, paths, vectors.tolist(), strict=True)
        table.writerows([name, place, *row] for name, place, row in rows)


def _write_npz(path: Path, ids: Sequence[str], paths: Sequence[str], vectors: NDArray[np.float32]) -> None:
    with path.open("wb") as file:
        np.savez(file, ids=np.array(ids, dtype=str), paths=np.array(paths, dtype=str), vectors=vectors)
