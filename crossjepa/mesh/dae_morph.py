"""Morphed meshes in COLLADA files, by the weights that the file gives.

Source: the COLLADA 1.4.1 specification, chapter 5, <morph>.
"""

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.dae_geometry import Elements, positions, source, words


def morphed(elements: Elements, morph: etree._Element, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (N, 3) points of a base mesh moved towards those of its targets.

    Raises:
        BadMesh: if a target or its weight is missing, or a target has another number of points.
    """
    sources = {e.get("semantic"): e.get("source", "") for e in morph.iterfind("{*}targets/{*}input")}
    names = words(elements, sources.get("MORPH_TARGET", ""))
    weights = source(elements, sources["MORPH_WEIGHT"])[:, 0] if names else np.zeros(0)
    if len(weights) != len(names):
        raise BadMesh(f"a morph has {len(names)} targets and {len(weights)} weights")
    total = points if morph.get("method") == "RELATIVE" else points * (1 - weights.sum())
    for name, weight in zip(names, weights, strict=True):
        geometry = elements.get(name.lstrip("#"))
        mesh = None if geometry is None else geometry.find("{*}mesh")
        if mesh is None or len(goal := positions(elements, mesh)) != len(points):
            raise BadMesh(f"the morph target {name} is missing or has another number of points")
        total = total + weight * goal
    return total
