"""The nodes of a glTF 2.0 scene and their matrices.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#nodes-and-hierarchy
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.gltf_document import Document, Json

Matrices = NDArray[np.float64]

TRS = {"TRANSLATION": (0.0, 0.0, 0.0), "ROTATION": (0.0, 0.0, 0.0, 1.0), "SCALE": (1.0, 1.0, 1.0)}
MOST_SHARED = 100_000  # times that a node is met under a further parent, which can double at each level


class Nodes:
    """The nodes of a document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._items: list[Json] = document.root.get("nodes", [])
        self._locals = local_matrices(self._items)

    def shown(self) -> Iterator[tuple[Json, Matrices]]:
        """The visible nodes of the default scene, with their (4, 4) matrices to its frame.

        The first scene is the default if the file names none, and all nodes if it has no scenes.

        Raises:
            BadMesh: if the nodes form a cycle.
        """
        roots = self._tops()
        if self._document.root.get("scenes"):
            roots = self._document.item("scenes", self._document.root.get("scene", 0)).get("nodes", [])
        hiding = [index for index, node in enumerate(self._items) if hides(node)]
        hidden = {index for index, _ in self._walk(hiding)}
        for index, world in self._walk(roots):
            if index not in hidden:
                yield self._items[index], world

    def worlds(self) -> dict[int, Matrices]:
        """The matrices of all nodes, by their index; also of those outside of the scene."""
        return dict(self._walk(self._tops()))

    def _tops(self) -> list[int]:
        children = {child for node in self._items for child in node.get("children", [])}
        return [index for index in range(len(self._items)) if index not in children]

    def _walk(self, roots: Iterable[int]) -> Iterator[tuple[int, Matrices]]:
        waiting = [(root, np.eye(4), 1) for root in reversed(list(roots))]
        for _ in range(len(self._items) + MOST_SHARED):
            if not waiting:
                return
            index, above, depth = waiting.pop()
            node = self._document.item("nodes", index)
            if depth > len(self._items):
                raise BadMesh("the nodes form a cycle")
            world = above @ self._locals[index]
            yield index, world
            waiting += [(child, world, depth + 1) for child in reversed(node.get("children", []))]
        raise BadMesh("has too many nodes with several parents")


def hides(node: Json) -> bool:
    """Whether a node and those below it are not to be drawn (KHR_node_visibility)."""
    visible = node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True)
    return not visible


def trs(translation: Matrices, rotation: Matrices, scale: Matrices) -> Matrices:
    """(N, 4, 4) matrices of (N, 3) translations, (N, 4) quaternions x, y, z, w and (N, 3) scales."""
    length = np.linalg.norm(rotation, axis=1, keepdims=True)
    x, y, z, w = (rotation / np.where(length > 0, length, 1)).T
    turn = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrices = np.tile(np.eye(4), (len(translation), 1, 1))
    matrices[:, :3, :3] = np.array(turn).transpose(2, 0, 1) * scale[:, None]
    matrices[:, :3, 3] = translation
    return matrices


def local_matrices(nodes: list[Json]) -> Matrices:
    """(N, 4, 4) matrices from the frame of each node to that of its parent."""
    if not nodes:
        return np.zeros((0, 4, 4))
    own = [np.array([node.get(name.lower(), default) for node in nodes]) for name, default in TRS.items()]
    matrices = trs(*(each.astype(np.float64) for each in own))
    for index, node in enumerate(nodes):
        if "matrix" in node:
            matrices[index] = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    if not np.isfinite(matrices).all():
        raise BadMesh("a node's matrix is not finite")
    return matrices
