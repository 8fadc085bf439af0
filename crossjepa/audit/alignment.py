"""How closely one cloud can be laid over another: by turning, moving and scaling it.

The distance is counted in spacings, the mean distance of a point from its nearest neighbour in its own
cloud. Clouds in farthest-point order are spread evenly, so two samples of one surface differ by less than a
spacing, however the surface is meshed.
"""

from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

Points = NDArray[np.float64]

YAWS = 24  # turns about up that are tried: the best is at most 7.5 degrees off
TRIED = 64  # points that each turn is tried with
KEPT = 4  # turns that are refined
REFINED, STEPS = 256, 12  # points and steps of refinement
HOPELESS = 1.2  # mean distance in spacings that is not refined; two samples of one surface had at most 0.83
SHARE = 0.95  # of the points, whose distance counts


class Shape:
    """A cloud that can be laid over others.

    Args:
        cloud: (P, 3), evenly spread; its first points are spread evenly, too.

    Attributes:
        points: (P, 3) distinct ones; mean at the origin, root mean square distance from it 1/2.
        tree: for their nearest neighbours.
        spacing: their mean distance from the nearest other point.
    """

    def __init__(self, cloud: NDArray[np.floating]) -> None:
        distinct = np.sort(np.unique(cloud, axis=0, return_index=True)[1])  # small clouds repeat their points
        centred = cloud[distinct] - cloud[distinct].mean(axis=0, dtype=np.float64)
        self.points: Points = centred / (2 * np.sqrt(np.square(centred).sum(axis=1).mean()))
        self.tree = KDTree(self.points)
        self.spacing = float(self.tree.query(self.points, k=2)[0][:, 1].mean())

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): principal axes as rows of a rotation, the longest first."""
        axes = np.linalg.eigh(self.points.T @ self.points)[1].T[::-1]
        return axes * np.sign(np.linalg.det(axes))


def _turns() -> NDArray[np.float64]:
    """(R, 3, 3): each of the six half axes turned upwards, then about up."""
    quarters = {"x": [0, 90, 180, 270], "z": [90, 270]}
    upright = np.concatenate([_about(axis, np.array(angles)) for axis, angles in quarters.items()])
    return (_about("y", np.arange(YAWS) * 360 / YAWS)[:, None] @ upright).reshape(-1, 3, 3)


def _about(axis: str, degrees: NDArray[np.number]) -> NDArray[np.float64]:
    """(A, 3, 3) rotations about an axis."""
    return Rotation.from_euler(axis, degrees[:, None], degrees=True).as_matrix()


TURNS = _turns()
FLIPS = np.array([np.diag(signs) for signs in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))])


def distance(moved: Shape, fixed: Shape) -> float:
    """The distance of two shapes after the best alignment that is found, in spacings.

    Turns about up in steps of 15 degrees with any of the six half axes upwards, and the four that match
    principal axes, are tried; the best are refined by iterated closest points (Besl and McKay 1992,
    https://doi.org/10.1109/34.121791) with scale (Umeyama 1991, https://doi.org/10.1109/34.88573).

    Returns:
        The distance from the nearest point of the other that 95% of the points of both do not exceed: a
        partial Hausdorff distance (Huttenlocher et al. 1993, https://doi.org/10.1109/34.232073). Infinity if
        the shapes are far from one another in every turn.
    """
    turns = np.concatenate([TURNS, fixed.axes.T @ FLIPS @ moved.axes])
    tried = np.einsum("rij,pj->rpi", turns, moved.points[:TRIED])
    apart = fixed.tree.query(tried.reshape(-1, 3))[0].reshape(len(turns), -1).mean(axis=1)
    best = np.argsort(apart, kind="stable")[:KEPT]
    if apart[best[0]] > HOPELESS * fixed.spacing:
        return inf
    return min(_refined(moved, fixed, turn) for turn in turns[best])


def _refined(moved: Shape, fixed: Shape, turn: NDArray[np.float64]) -> float:
    placed = moved.points @ turn.T
    for _ in range(STEPS):
        wanted = fixed.points[fixed.tree.query(placed[:REFINED])[1]]
        placed = _over(placed, placed[:REFINED], wanted)
    apart = np.concatenate([fixed.tree.query(placed)[0], KDTree(placed).query(fixed.points)[0]])
    return float(2 * np.quantile(apart, SHARE) / (moved.spacing + fixed.spacing))


def _over(points: Points, some: Points, wanted: Points) -> Points:
    """Points, moved by the similarity that brings some of them closest to where they are wanted."""
    centre, target = some.mean(axis=0), wanted.mean(axis=0)
    left, size, right = np.linalg.svd((wanted - target).T @ (some - centre))
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (size * signs).sum() / np.square(some - centre).sum()
    return (points - centre) @ (scale * (left * signs) @ right).T + target
