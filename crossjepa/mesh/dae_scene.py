"""The nodes of scenes in COLLADA files.

Source: the COLLADA 1.4.1 and 1.5.0 specifications, https://www.khronos.org/collada/
"""

from collections.abc import Iterator

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.dae_geometry import Elements
from crossjepa.mesh.numbers import floats
from crossjepa.mesh.xml import local_name

MOST_NODES = 100_000  # with their copies; a small file can ask for any number

Matrix = NDArray[np.float64]
Node = tuple[etree._Element, Matrix]


def target(element: etree._Element, key: str = "url") -> str:
    """The id that an element refers to."""
    return str(element.get(key, "")).lstrip("#")


def read_nodes(elements: Elements, scene: etree._Element) -> list[Node]:
    """All nodes of a scene, and those that they instantiate, with their (4, 4) transforms to the scene.

    Raises:
        BadMesh: if they are too many, or one is damaged or inside itself.
    """
    nodes: list[Node] = []
    for node in _below(elements, scene, np.eye(4), ()):
        nodes.append(node)
        if len(nodes) > MOST_NODES:
            raise BadMesh(f"more than {MOST_NODES} copies of nodes")
    return nodes


def _below(
    elements: Elements, parent: etree._Element, matrix: Matrix, path: tuple[str, ...]
) -> Iterator[Node]:
    for child in parent:
        inside = path
        if local_name(child) == "instance_node":
            name = target(child)
            if name in path:
                raise BadMesh(f"node {name} is inside itself")
            if (child := elements.get(name)) is None:
                raise BadMesh(f"node {name} is missing")
            inside = (*path, name)
        if local_name(child) == "node":
            own = matrix @ _transform(child)
            yield child, own
            yield from _below(elements, child, own, inside)


def _transform(node: etree._Element) -> Matrix:
    """The product of a node's transforms, in their order."""
    matrix = np.eye(4)
    for child in node:
        if (make := TRANSFORMS.get(local_name(child))) is not None:
            matrix = matrix @ make(floats(child.text or ""))
    return matrix


def _translate(values: Matrix) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, 3] = values[:3]
    return matrix


def _rotate(values: Matrix) -> Matrix:
    """About an axis, by an angle in degrees (Rodrigues' formula)."""
    x, y, z = values[:3] / max(float(np.linalg.norm(values[:3])), 1e-30)
    cross, angle, matrix = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]), np.radians(values[3]), np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix


def _look_at(values: Matrix) -> Matrix:
    """At an eye, with -Z towards a point of interest and +Y as far up as can be."""
    eye, interest, up = values.reshape(3, 3)
    back = (eye - interest) / np.linalg.norm(eye - interest)
    right = np.cross(up, back) / np.linalg.norm(np.cross(up, back))
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(back, right), back, eye], axis=1)
    return matrix


def _skew(_: Matrix) -> Matrix:
    raise BadMesh("skewed nodes are not supported")


TRANSFORMS = {
    "matrix": lambda values: values.reshape(4, 4),
    "translate": _translate,
    "rotate": _rotate,
    "scale": lambda values: np.diag([*values[:3], 1.0]),
    "lookat": _look_at,
    "skew": _skew,
}
