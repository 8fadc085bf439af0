"""Named arrays and plain attributes in one file, which one job hands to another."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import ZipStore

from crossjepa.errors import UserError
from crossjepa.files import write_whole

Arrays = dict[str, NDArray[Any]]
CHUNK = 1 << 22  # bytes of an array that are compressed at a time


def write_bundle(path: Path, arrays: Mapping[str, NDArray[Any]], attributes: dict[str, Any]) -> None:
    """Write arrays and attributes to `path`, whole or not at all.

    Args:
        path: the file to write, a zipped Zarr v3 group.
        arrays: arrays of any shape and numeric dtype by name.
        attributes: plain JSON types.
    """
    with write_whole(path) as partial, ZipStore(partial, mode="w") as store:
        group = zarr.create_group(store, attributes=attributes)
        for name, array in arrays.items():
            rows = max(1, CHUNK * len(array) // max(1, array.nbytes))
            chunks = (min(rows, len(array)), *array.shape[1:])
            group.create_array(name, data=np.ascontiguousarray(array), chunks=chunks)


def read_bundle(path: Path, names: Collection[str] | None = None) -> tuple[Arrays, dict[str, Any]]:
    """Read what `write_bundle` wrote.

    Args:
        path: the file.
        names: read only those of its arrays that are among these; all by default.

    Returns:
        The arrays by name, and the attributes.

    Raises:
        UserError: if the file is missing or not a bundle.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that writes it")
    try:
        with ZipStore(path, mode="r") as store:
            group = zarr.open_group(store, mode="r")
            wanted = {name: a for name, a in group.arrays() if names is None or name in names}
            return {name: np.asarray(array[:]) for name, array in wanted.items()}, dict(group.attrs)
    except Exception as error:
        raise UserError(f"{path}: not a readable bundle ({error}); delete it and run again") from error
