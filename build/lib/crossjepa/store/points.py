"""Reading point clouds from a sealed point store."""

from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from crossjepa.errors import UserError
from crossjepa.store.sharded import read_array


def read_points(store: Path, array: Literal["xyz", "first"], points: int) -> NDArray[Any]:
    """The first points of every cloud.

    Args:
        store: a sealed point store.
        array: `xyz`, in farthest-point order and in the cameras' frame; or `first`, in the order, units and
            frame of the object's file.
        points: how many, N.

    Returns:
        (objects, N, 3) float32, +Y up; NaN for objects that were set aside.

    Raises:
        UserError: if the store keeps fewer points.
    """
    clouds = read_array(store, array, leading=points)
    if clouds.shape[1] < points:
        remedy = "raise data.points, or lower pretrain.points"
        raise UserError(f"{store}: its clouds have {clouds.shape[1]} points, fewer than {points}; {remedy}")
    return clouds
