"""Objects that are there twice: as the same file, as the same shape, or turned, scaled or meshed anew.

Candidates are near one another in the D2 distribution (see `crossjepa.features.geometry`), which no turn,
scale or mesh changes, or among the encoder's features; then their clouds are laid over one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from crossjepa.audit.alignment import Shape, distance
from crossjepa.features.geometry import distance_distribution
from crossjepa.progress import track

NEAR = 0.95  # spacings; two samples of one surface differ by 0.74 to 0.86 (80 pieces of furniture)
EQUAL = 0.02  # spacings: rounding in files of other formats
DESCRIBED = 512  # points behind a D2 distribution
ALIKE = (
    0.1  # distance of the D2 distributions of candidates; two samples of one surface differ by at most 0.06
)
CANDIDATES = 8  # nearest in the D2 distribution, and nearest among the features


@dataclass(frozen=True)
class Copy:
    """Two objects that are the same.

    Attributes:
        first, second: their rows; the first is the smaller.
        exact: whether their files or clouds are equal; else one is the other turned, scaled or meshed anew.
        distance: of their clouds, in spacings (see `crossjepa.audit.alignment`).
    """

    first: int
    second: int
    exact: bool
    distance: float


def find_copies(
    digests: Sequence[str], clouds: NDArray[np.floating], features: NDArray[np.floating]
) -> list[Copy]:
    """Find copies among N objects.

    An object whose file occurs before is compared by its file alone, so that many copies of one file give one
    pair each.

    Args:
        digests: N SHA-256 digests of files; empty where there is no file.
        clouds: (N, P, 3), in farthest-point order.
        features: (N, F) of an encoder.
    """
    first: dict[str, int] = {}
    rows = [first.setdefault(digest, row) if digest else row for row, digest in enumerate(digests)]
    copies = [Copy(original, row, True, 0.0) for row, original in enumerate(rows) if original != row]
    shapes = {row: Shape(clouds[row]) for row in dict.fromkeys(rows)}
    pairs = _candidates(shapes, features)
    for one, other in track(pairs, len(pairs), "compare", "pair"):
        if (spread := _unturned(shapes[one], shapes[other])) < EQUAL:
            copies.append(Copy(one, other, True, spread))
        elif (apart := distance(shapes[one], shapes[other])) < NEAR:
            copies.append(Copy(one, other, False, apart))
    return sorted(copies, key=lambda copy: (copy.first, copy.second))


def join_groups(groups: NDArray[np.str_], copies: Sequence[Copy]) -> NDArray[np.int64]:
    """(N,) numbers of groups, of which copies of one another, and what they share a group with, have one.

    Args:
        groups: (N,) names of the groups that are known.
        copies: pairs of rows.
    """
    names, numbers = np.unique(groups, return_inverse=True)
    pairs = np.array([(copy.first, copy.second) for copy in copies], np.intp).reshape(-1, 2)
    linked = coo_array((np.ones(len(pairs)), numbers[pairs].T), shape=(len(names), len(names)))
    return connected_components(linked, directed=False)[1][numbers].astype(np.int64)


def _candidates(shapes: dict[int, Shape], features: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Pairs of rows whose clouds are worth laying over one another."""
    rows = np.array([*shapes])
    described = np.stack([distance_distribution(shape.points[:DESCRIBED]) for shape in shapes.values()])
    if len(rows) < 2:
        return []
    pairs = set()
    for space, metric in ((described, "euclidean"), (features[rows], "cosine")):
        search = NearestNeighbors(n_neighbors=min(CANDIDATES, len(rows) - 1), metric=metric).fit(space)
        for one, found in enumerate(search.kneighbors(return_distance=False)):
            pairs |= {(min(one, other), max(one, other)) for other in found.tolist()}
    near = np.array(sorted(pairs))
    alike = np.linalg.norm(described[near[:, 0]] - described[near[:, 1]], axis=1) < ALIKE
    return [(int(one), int(other)) for one, other in rows[near[alike]]]


def _unturned(one: Shape, other: Shape) -> float:
    """The largest distance of a point from the nearest of the other cloud, as the clouds are, in spacings."""
    there, back = other.tree.query(one.points)[0], one.tree.query(other.points)[0]
    return float(max(there.max(), back.max()) / one.spacing)
