"""Procedural shapes: fifteen classes of parametric objects, made by code, any number of them.

They are for first trials, tests and scaling; every output calls them procedural.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import product
from math import cos, pi, sin

import numpy as np
import trimesh
from trimesh.creation import annulus, box, capsule, cone, cylinder, icosphere, revolve
from trimesh.transformations import rotation_matrix

from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.normalise import surface
from crossjepa.data.settings import ShapesSource
from crossjepa.mesh.mesh import Mesh, Part, to_linear

Random = np.random.Generator
Coloured = tuple[trimesh.Trimesh, str]


def _slab(width: float, height: float, depth: float, x: float, y: float, z: float) -> trimesh.Trimesh:
    """A box with its lowest face at height y."""
    return box((width, height, depth)).apply_translation((x, y + height / 2, z))


def _post(radius: float, height: float, x: float, y: float, z: float) -> trimesh.Trimesh:
    """An upright cylinder with its foot at height y."""
    upright = cylinder(radius, height, sections=20).apply_transform(rotation_matrix(pi / 2, (1, 0, 0)))
    return upright.apply_translation((x, y + height / 2, z))


def _turned(profile: list[tuple[float, float]]) -> trimesh.Trimesh:
    """A body turned on a lathe from (radius, height) pairs."""
    return revolve(np.array(profile), sections=28).apply_transform(rotation_matrix(-pi / 2, (1, 0, 0)))


def _corners(width: float, depth: float) -> Iterator[tuple[float, float]]:
    return product((-width / 2, width / 2), (-depth / 2, depth / 2))


def _legs(r: Random, width: float, depth: float, height: float) -> list[Coloured]:
    thickness = r.uniform(0.02, 0.05)
    spots = _corners(width - 2 * thickness, depth - 2 * thickness)
    if r.random() < 0.5:
        return [(_slab(2 * thickness, height, 2 * thickness, x, 0, z), "second") for x, z in spots]
    return [(_post(thickness, height, x, 0, z), "second") for x, z in spots]


def _chair(r: Random) -> list[Coloured]:
    width, depth, seat, back = r.uniform((0.4, 0.4, 0.4, 0.35), (0.6, 0.6, 0.5, 0.7))
    parts = [*_legs(r, width, depth, seat), (_slab(width, 0.06, depth, 0, seat, 0), "main")]
    parts.append((_slab(width, back, 0.05, 0, seat + 0.06, -depth / 2 + 0.03), "main"))
    if r.random() < 0.4:
        arm = r.uniform(0.15, 0.25)
        for x in (0.03 - width / 2, width / 2 - 0.03):
            parts.append((_slab(0.05, 0.04, depth, x, seat + arm, 0), "second"))
            parts.append((_slab(0.05, arm, 0.05, x, seat, depth / 2 - 0.03), "second"))
    return parts


def _stool(r: Random) -> list[Coloured]:
    radius, height = r.uniform((0.16, 0.4), (0.24, 0.8))
    return [(_post(radius, 0.06, 0, height, 0), "main"), *_legs(r, 1.5 * radius, 1.5 * radius, height)]


def _table(r: Random) -> list[Coloured]:
    width, depth, height, top = r.uniform((0.8, 0.6, 0.45, 0.03), (1.8, 1.0, 0.8, 0.07))
    if r.random() < 0.3:
        radius = depth / 2
        foot = [(_post(0.05, height, 0, 0, 0), "second"), (_post(radius / 2, 0.03, 0, 0, 0), "second")]
        return [*foot, (_post(radius, top, 0, height, 0), "main")]
    return [*_legs(r, width, depth, height), (_slab(width, top, depth, 0, height, 0), "main")]


def _bed(r: Random) -> list[Coloured]:
    width, length, height, head = r.uniform((0.9, 1.9, 0.2, 0.3), (1.8, 2.2, 0.4, 0.9))
    parts = [(_slab(width, height, length, 0, 0.1, 0), "second")]
    parts.append((_slab(width * 0.96, 0.18, length * 0.96, 0, 0.1 + height, 0), "main"))
    parts.append((_slab(width, height + head, 0.06, 0, 0.1, -length / 2), "second"))
    pillow = (_slab(width * 0.4, 0.1, 0.35, 0, 0.28 + height, -length / 2 + 0.3), "third")
    return [*parts, pillow, *_legs(r, width, length, 0.1)]


def _bookcase(r: Random) -> list[Coloured]:
    width, height, depth = r.uniform((0.6, 1.0, 0.25), (1.2, 2.2, 0.4))
    parts = [(_slab(0.04, height, depth, side * width / 2, 0, 0), "main") for side in (-1, 1)]
    parts.append((_slab(width, height, 0.02, 0, 0, -depth / 2), "main"))
    shelves = int(r.integers(3, 7))
    parts += [(_slab(width, 0.03, depth, 0, y, 0), "main") for y in np.linspace(0, height - 0.03, shelves)]
    for y in np.linspace(0, height - 0.03, shelves)[:-1]:
        filled = r.uniform(0.2, 0.9) * width
        books = height / shelves * r.uniform(0.5, 0.8)
        parts.append((_slab(filled, books, depth * 0.7, (filled - width) / 2 + 0.03, y + 0.03, 0), "third"))
    return parts


def _sofa(r: Random) -> list[Coloured]:
    width, depth, seat, back, arm = r.uniform((1.3, 0.7, 0.35, 0.3, 0.12), (2.4, 1.0, 0.45, 0.5, 0.25))
    inside = width - 2 * arm
    parts = [(_slab(inside, seat, depth, 0, 0, 0), "main")]
    parts.append((_slab(inside, back, 0.22, 0, seat, -depth / 2 + 0.11), "main"))
    sides = (arm / 2 - width / 2, width / 2 - arm / 2)
    return [*parts, *((_slab(arm, seat + back * 0.45, depth, x, 0, 0), "second") for x in sides)]


def _lamp(r: Random) -> list[Coloured]:
    height, foot, wide, narrow, shade = r.uniform((0.4, 0.1, 0.15, 0.06, 0.15), (1.6, 0.2, 0.3, 0.14, 0.35))
    hood = _turned([(wide, 0), (narrow, shade)]).apply_translation((0, height - shade / 2, 0))
    stand = [(_post(foot, 0.03, 0, 0, 0), "second"), (_post(0.015, height, 0, 0, 0), "second")]
    return [*stand, (hood, "main")]


def _mug(r: Random) -> list[Coloured]:
    radius, height, handle = r.uniform((0.3, 0.6, 0.15), (0.5, 1.1, 0.28))
    wall = 0.85 * radius
    body = _turned([(0, 0), (radius, 0), (radius, height), (wall, height), (wall, 0.08), (0, 0.08)])
    ring = trimesh.creation.torus(handle, 0.05, major_sections=24, minor_sections=10)
    return [(body, "main"), (ring.apply_translation((radius, height / 2, 0)), "second")]


def _bottle(r: Random) -> list[Coloured]:
    radius, neck, body, shoulder, top = r.uniform((0.2, 0.06, 0.6, 0.1, 0.15), (0.35, 0.12, 1.0, 0.3, 0.5))
    glass = [(0, 0), (radius, 0), (radius, body), (neck, body + shoulder), (neck, body + shoulder + top)]
    cap = _post(neck * 1.2, 0.1, 0, body + shoulder + top, 0)
    return [(_turned([*glass, (0, body + shoulder + top)]), "main"), (cap, "second")]


def _bowl(r: Random) -> list[Coloured]:
    radius, height, foot = r.uniform((0.5, 0.25, 0.15), (0.8, 0.5, 0.3))
    angles = np.linspace(0, pi / 2, 9)
    outside = [(foot + (radius - foot) * sin(a), height * (1 - cos(a))) for a in angles]
    inside = [(0.93 * x, y + 0.03) for x, y in reversed(outside)]
    return [(_turned([(0, 0), *outside, *inside, (0, 0.03)]), "main")]


def _vehicle(r: Random) -> list[Coloured]:
    length, width, height, cabin = r.uniform((1.6, 0.7, 0.3, 0.25), (2.6, 1.0, 0.5, 0.5))
    wheel, start = r.uniform((0.16, -0.25), (0.26, 0.1))
    parts = [(_slab(length, height, width, 0, wheel, 0), "main")]
    share = r.uniform(0.4, 0.65)
    parts.append((_slab(length * share, cabin, width * 0.9, start * length / 2, wheel + height, 0), "third"))
    for x, z in _corners(length * 0.62, width):
        parts.append((cylinder(wheel, 0.14, sections=24).apply_translation((x, wheel, z)), "second"))
    return parts


def _airplane(r: Random) -> list[Coloured]:
    length, radius, span, chord, tail = r.uniform((1.6, 0.1, 1.4, 0.2, 0.25), (2.6, 0.2, 2.6, 0.45, 0.5))
    along = rotation_matrix(pi / 2, (0, 1, 0))
    body = capsule(height=length, radius=radius, count=[20, 20]).apply_transform(along)
    body.apply_translation(-body.bounds.mean(axis=0))
    nose = r.uniform(-0.1, 0.2) * length
    parts = [(body, "main"), (box((chord, 0.04, span)).apply_translation((nose, 0, 0)), "second")]
    back = -length / 2 - radius + chord / 2
    parts.append((box((chord * 0.6, 0.03, span * 0.35)).apply_translation((back, 0.05, 0)), "second"))
    parts.append((_slab(chord * 0.6, tail, 0.03, back, radius / 2, 0), "third"))
    return parts


def _tree(r: Random) -> list[Coloured]:
    trunk, height, crown = r.uniform((0.04, 0.5, 0.3), (0.1, 1.2, 0.6))
    parts = [(_post(trunk, height, 0, 0, 0), "second")]
    if r.random() < 0.5:
        upright = rotation_matrix(-pi / 2, (1, 0, 0))
        for level in range(int(r.integers(2, 5))):
            tier = cone(crown * (1 - 0.2 * level), crown * 1.3, sections=20).apply_transform(upright)
            parts.append((tier.apply_translation((0, height * 0.6 + level * crown * 0.6, 0)), "main"))
        return parts
    for _ in range(int(r.integers(3, 7))):
        ball = icosphere(subdivisions=2, radius=crown * r.uniform(0.5, 0.9))
        parts.append((ball.apply_translation((*r.uniform(-0.5, 0.5, 2) * crown, 0)), "main"))
        parts[-1][0].apply_translation((0, height + crown * 0.4, r.uniform(-0.5, 0.5) * crown))
    return parts


def _monitor(r: Random) -> list[Coloured]:
    width, ratio, stand, foot = r.uniform((0.5, 0.5, 0.1, 0.2), (1.0, 0.75, 0.3, 0.4))
    screen = _slab(width, width * ratio, 0.05, 0, stand, 0)
    glass = _slab(width * 0.94, width * ratio * 0.9, 0.01, 0, stand + width * ratio * 0.05, 0.03)
    parts = [(screen, "second"), (glass, "main"), (_slab(0.06, stand + 0.1, 0.04, 0, 0, -0.04), "second")]
    return [*parts, (_slab(foot, 0.02, foot * 0.7, 0, 0, 0), "second")]


def _clock(r: Random) -> list[Coloured]:
    radius, rim = r.uniform((0.4, 0.04), (0.6, 0.1))
    parts = [(annulus(radius - rim, radius, 0.12, sections=40), "second")]
    parts.append((cylinder(radius - rim, 0.05, sections=40), "main"))
    for length in (0.5, 0.75):
        hand = _slab(0.03, radius * length, 0.02, 0, 0, 0.04)
        parts.append((hand.apply_transform(rotation_matrix(r.uniform(0, 2 * pi), (0, 0, 1))), "third"))
    return parts


CLASSES: dict[
    str, Callable[[Random], list[Coloured]]
] = {  # an object's number decides its class by this order
    make.__name__.lstrip("_"): make
    for make in (
        *(_airplane, _bed, _bookcase, _bottle, _bowl, _chair, _clock, _lamp),
        *(_monitor, _mug, _sofa, _stool, _table, _tree, _vehicle),
    )
}


class Shapes(Dataset):
    """Labelled procedural shapes, class by class in turn; ids are `<class>-<number>`.

    An object depends on the seed and its number only, so that a larger data set begins with the smaller ones.
    """

    def __init__(self, objects: int, seed: int) -> None:
        self.seed = seed
        classes = list(CLASSES)
        self.ids = [f"{classes[number % len(classes)]}-{number:06d}" for number in range(objects)]

    def objects(self) -> list[ObjectRecord]:
        """All objects, in the order of their numbers."""
        labelled = [(object_id, object_id.rpartition("-")[0]) for object_id in self.ids]
        return [
            ObjectRecord(key, "procedural", f"procedural {label}", label, key, "none needed", "made by code")
            for key, label in labelled
        ]

    def load(self, object_id: str) -> Mesh:
        """Make an object, in up to three face colours."""
        label, _, number = object_id.rpartition("-")
        rng = np.random.default_rng([self.seed, int(number)])
        colours = {part: [*rng.integers(30, 226, size=3), 255] for part in ("main", "second", "third")}
        parts = []
        for mesh, name in CLASSES[label](rng):
            faces = np.tile(to_linear(np.array(colours[name]) / 255), (len(mesh.faces), 1))
            parts.append(Part(mesh.vertices, mesh.faces, np.ones(4), face_colours=faces))
        return Mesh(tuple(parts))

    def digest(self, object_id: str) -> str:
        """SHA-256 of the object's vertices and faces."""
        mesh = surface(self.load(object_id))
        return hashlib.sha256(mesh.vertices.tobytes() + mesh.faces.tobytes()).hexdigest()


def open_source(source: ShapesSource) -> Shapes:
    """The shapes that `source` asks for."""
    return Shapes(source.objects, source.seed)
