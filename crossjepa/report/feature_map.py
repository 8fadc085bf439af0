"""The map of features: a point for each object, drawn as SVG by the page's template."""

from colorsys import hls_to_rgb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler

WIDTH, HEIGHT = 720, 560
MARGIN = 16
LETTER = 8  # width of a letter in the name of a class, about
UNLABELLED = "#c3ccd5"
GOLDEN_ANGLE = 0.381966  # of a turn; successive hues differ clearly however many there are
LIGHTNESS = (0.36, 0.5, 0.62)


class Point(NamedTuple):
    """An object's place on the map, and its row among the objects."""

    row: int
    x: float
    y: float


class Group(NamedTuple):
    """The objects of a class, or those without one (label ``""``), and where the map names the class."""

    label: str
    colour: str
    x: float
    y: float
    points: list[Point]


class Map(NamedTuple):
    """A map of objects, in units of its drawing."""

    width: int
    height: int
    radius: float  # of a point
    groups: list[Group]


def draw_map(features: NDArray[np.float32], labels: NDArray[np.str_]) -> Map:
    """Place objects by their features and group them by class, those without one first, so drawn beneath.

    Args:
        features: (N, F).
        labels: (N,) class names, empty where unknown.
    """
    free = 0.2 * np.sqrt(WIDTH * HEIGHT / len(labels))  # points of this radius leave most of the map free
    return Map(WIDTH, HEIGHT, float(np.clip(free, 1.5, 6)), _group(_place(features), labels))


def _place(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 2): features in two dimensions by t-SNE (JMLR 9:2579, 2008; seed 0), fitted into the map."""
    scaled = StandardScaler().fit_transform(features)
    perplexity = min(20.0, (len(features) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(scaled)
    low, high = places.min(axis=0), places.max(axis=0)
    inside = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
    return MARGIN + inside * (places - low) / np.maximum(high - low, 1e-9)


def _group(places: NDArray[np.float64], labels: NDArray[np.str_]) -> list[Group]:
    """The points of each class in alphabetical order."""
    groups = []
    for number, label in enumerate(np.unique(labels)):
        rows = np.flatnonzero(labels == label)
        points = [Point(row, x, y) for row, (x, y) in zip(rows.tolist(), places[rows].tolist(), strict=True)]
        half = LETTER * len(label) / 2
        x, y = np.median(places[rows], axis=0).clip([half, 0], [WIDTH - half, HEIGHT]).tolist()
        groups.append(Group(str(label), _colour(number) if label else UNLABELLED, x, y, points))
    return groups


def _colour(number: int) -> str:
    red, green, blue = hls_to_rgb(GOLDEN_ANGLE * number % 1, LIGHTNESS[number % len(LIGHTNESS)], 0.62)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
