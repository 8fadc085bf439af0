"""Random assemblies of simple bodies: unlabelled objects to learn from, made by code, any number of them.

Each object follows from the seed and its own number alone. They look like nothing in particular, and that is
their use: no two share more than a way of being built, so that an encoder must read what is there.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from math import cos, pi, sin
from pathlib import Path

import numpy as np
import trimesh
from trimesh.creation import annulus, box, capsule, cone, cylinder, icosphere, revolve, torus
from trimesh.transformations import rotation_matrix

from crossjepa.config import AssembliesSource
from crossjepa.data.procedural import Procedural, Random

UPRIGHT = rotation_matrix(-pi / 2, (1, 0, 0))  # trimesh's bodies stand along +Z


def _box(r: Random) -> trimesh.Trimesh:
    return box(r.uniform(0.3, 1.0, 3))


def _plate(r: Random) -> trimesh.Trimesh:
    return box((*r.uniform(0.5, 1.2, 2), r.uniform(0.03, 0.1))).apply_transform(UPRIGHT)


def _cylinder(r: Random) -> trimesh.Trimesh:
    return cylinder(r.uniform(0.1, 0.5), r.uniform(0.1, 1.2), sections=24).apply_transform(UPRIGHT)


def _rod(r: Random) -> trimesh.Trimesh:
    return cylinder(r.uniform(0.02, 0.08), r.uniform(0.5, 1.5), sections=12).apply_transform(UPRIGHT)


def _cone(r: Random) -> trimesh.Trimesh:
    return cone(r.uniform(0.2, 0.6), r.uniform(0.3, 1.2), sections=24).apply_transform(UPRIGHT)


def _ball(r: Random) -> trimesh.Trimesh:
    return icosphere(subdivisions=2, radius=r.uniform(0.2, 0.5)).apply_scale(r.uniform(0.5, 1.2, 3))


def _capsule(r: Random) -> trimesh.Trimesh:
    return capsule(height=r.uniform(0.3, 1.0), radius=r.uniform(0.1, 0.3), count=[16, 16]).apply_transform(
        UPRIGHT
    )


def _ring(r: Random) -> trimesh.Trimesh:
    return torus(r.uniform(0.25, 0.6), r.uniform(0.03, 0.12), major_sections=24, minor_sections=10)


def _tube(r: Random) -> trimesh.Trimesh:
    outer = r.uniform(0.2, 0.6)
    return annulus(outer * r.uniform(0.5, 0.9), outer, r.uniform(0.1, 0.8), sections=24).apply_transform(
        UPRIGHT
    )


def _lathe(r: Random) -> trimesh.Trimesh:
    count = int(r.integers(3, 8))
    radii, heights = r.uniform(0.08, 0.5, count), np.sort(r.uniform(0, 1.2, count))
    profile = [(0, heights[0]), *zip(radii, heights, strict=True), (0, heights[-1])]
    return revolve(np.array(profile), sections=28).apply_transform(UPRIGHT)


BODIES: list[Callable[[Random], trimesh.Trimesh]] = [
    *(_box, _plate, _cylinder, _rod, _cone, _ball, _capsule, _ring, _tube, _lathe)
]


def _moved(mesh: trimesh.Trimesh, x: float, y: float, z: float) -> trimesh.Trimesh:
    return mesh.copy().apply_translation((x, y, z))


def _once(mesh: trimesh.Trimesh, r: Random) -> list[trimesh.Trimesh]:  # noqa: ARG001 - as the others
    return [mesh]


def _pair(mesh: trimesh.Trimesh, r: Random) -> list[trimesh.Trimesh]:
    """Left and right."""
    x, z = r.uniform((0.2, -0.3), (0.8, 0.3))
    return [_moved(mesh, side * x, 0, z) for side in (-1, 1)]


def _corners(mesh: trimesh.Trimesh, r: Random) -> list[trimesh.Trimesh]:
    x, z = r.uniform(0.2, 0.7, 2)
    return [_moved(mesh, sx * x, 0, sz * z) for sx in (-1, 1) for sz in (-1, 1)]


def _circle(mesh: trimesh.Trimesh, r: Random) -> list[trimesh.Trimesh]:
    count, radius = int(r.integers(3, 9)), r.uniform(0.2, 0.7)
    angles = 2 * pi * np.arange(count) / count
    return [_moved(mesh, radius * sin(a), 0, radius * cos(a)) for a in angles]


def _stack(mesh: trimesh.Trimesh, r: Random) -> list[trimesh.Trimesh]:
    step = r.uniform(0.7, 1.6) * float(mesh.extents[1])
    return [_moved(mesh, 0, level * step, 0) for level in range(int(r.integers(2, 6)))]


def _row(mesh: trimesh.Trimesh, r: Random) -> list[trimesh.Trimesh]:
    step = r.uniform(0.8, 1.8) * float(mesh.extents[0])
    return [_moved(mesh, place * step, 0, 0) for place in range(int(r.integers(2, 6)))]


ARRANGEMENTS = [_once, _once, _pair, _corners, _circle, _stack, _row]


def _centred(meshes: list[trimesh.Trimesh], x: float, z: float) -> list[trimesh.Trimesh]:
    """Bodies moved together so that their box stands on the ground, its middle at (x, z)."""
    low, high = _bounds(meshes)
    return [_moved(mesh, x - (low + high)[0] / 2, -low[1], z - (low + high)[2] / 2) for mesh in meshes]


def _bounds(meshes: list[trimesh.Trimesh]) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.stack([mesh.bounds for mesh in meshes])
    return boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)


def _groups(r: Random) -> Iterator[list[trimesh.Trimesh]]:
    """Two to five arrangements of one body each: the next stands on the last ones, beside or within them."""
    standing: list[trimesh.Trimesh] = []
    for _ in range(int(r.integers(2, 6))):
        body = BODIES[r.integers(len(BODIES))](r).apply_scale(r.uniform(0.4, 1.3, 3))
        if r.random() < 0.2:
            body = body.apply_transform(rotation_matrix(r.uniform(0, pi), r.normal(size=3)))
        group = _centred(ARRANGEMENTS[r.integers(len(ARRANGEMENTS))](body, r), 0, 0)
        if standing:
            low, high = _bounds(standing)
            where = r.random()
            if where < 0.5:  # on top, a little sunk in
                group = [_moved(mesh, 0, high[1] - 0.02, 0) for mesh in group]
            elif where < 0.75:  # beside, at some height
                side, height = r.choice([-1, 1]), r.uniform(0, high[1] - low[1])
                reach = (high[0] - low[0]) / 2 + _bounds(group)[1][0] * 0.9
                group = [_moved(mesh, side * reach, height, 0) for mesh in group]
        standing += group
        yield group


class Assemblies(Procedural):
    """Random assemblies, all of one kind."""

    kinds = ("assembly",)
    labelled = False

    def make(self, kind: str, rng: Random) -> trimesh.Scene:  # noqa: ARG002 - there is one
        """See `Procedural.make`: each arrangement of bodies has one of up to four colours."""
        palette = rng.integers(20, 240, size=(int(rng.integers(1, 5)), 3))
        groups = list(_groups(rng))
        for group in groups:
            colour = np.array([*palette[rng.integers(len(palette))], 255], dtype=np.uint8)
            for mesh in group:
                mesh.visual = trimesh.visual.ColorVisuals(mesh, face_colors=colour)
        return trimesh.Scene(list(chain.from_iterable(groups)))


def open_source(source: AssembliesSource, archives: Path | None) -> Assemblies:  # noqa: ARG001 - they have none
    """The assemblies that `source` asks for."""
    return Assemblies(source.objects, source.seed)
