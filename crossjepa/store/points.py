"""Reading point clouds from a sealed point store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.store.reading import read_array
from crossjepa.store.sharded import read_manifest


def read_points(
    store: Path,
    array: Literal["xyz", "first"],
    points: int,
    rows: Sequence[int] | NDArray[Any] | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The first points of clouds.

    Args:
        store: a sealed point store.
        array: `xyz`, in farthest-point order and in the cameras' frame; or `first`, in the order, units and
            frame of the object's file.
        points: how many, N.
        rows: the objects; all by default.
        out: the array to fill and return; a new one by default.

    Returns:
        (objects, N, 3) float32, +Y up; NaN for objects that were set aside.

    Raises:
        UserError: if the store keeps fewer points.
    """
    known = read_manifest(store).arrays
    if array in known and (kept := known[array]["shape"][0]) < points:
        remedy = "raise data.points, or lower pretrain.points"
        raise UserError(f"{store}: its clouds have {kept} points, fewer than {points}; {remedy}")
    return read_array(store, array, points, rows, out)
