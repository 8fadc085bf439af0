"""Point clouds as the encoder takes them."""

from pathlib import Path

import torch
from torch import Tensor

from crossjepa.errors import UserError
from crossjepa.store.sharded import read_array


def load_clouds(store: Path, points: int | None) -> Tensor:
    """Thin every cloud of a point store and bring it back into the unit sphere.

    The store keeps its clouds in farthest-point order, so that the first points are the farthest ones.

    Args:
        store: a sealed point store.
        points: points to keep, N; all that the store has when None.

    Returns:
        (objects, N, 3) float32, mean at the origin, farthest point at distance 1, +Y up; rows of objects
        that were set aside are NaN.

    Raises:
        UserError: if the clouds have fewer points.
    """
    return normalised(_beginning(store, "xyz", points))


def load_first(store: Path, points: int) -> Tensor:
    """The first points of every object's file, untouched: the habit of several published probes.

    Args:
        store: a sealed point store.
        points: how many, N.

    Returns:
        (objects, N, 3) float32, +Y up, in the source's units and place; of a mesh, random surface points in
        the unit sphere. Rows of objects that were set aside are NaN.

    Raises:
        UserError: if the store keeps fewer.
    """
    return _beginning(store, "first", points)


def _beginning(store: Path, array: str, points: int | None) -> Tensor:
    clouds = torch.from_numpy(read_array(store, array, leading=points))
    if points and clouds.shape[1] < points:
        raise UserError(
            f"{store}: its clouds have {clouds.shape[1]} points, fewer than the {points} wanted; set "
            "data.points higher, or pretrain.points lower"
        )
    return clouds


def normalised(clouds: Tensor) -> Tensor:
    """Centre (B, N, 3) clouds on their mean and scale their farthest point to distance 1."""
    centred = clouds - clouds.mean(1, keepdim=True)
    return centred / centred.norm(dim=-1).amax(1)[:, None, None]
