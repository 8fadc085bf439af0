"""Reading glTF 2.0 and GLB.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html, section 3.5 (scenes and nodes), 3.7.3 (skins).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.gltf_accessors import Accessors
from crossjepa.mesh.gltf_document import Document, Json
from crossjepa.mesh.gltf_materials import Materials
from crossjepa.mesh.gltf_primitives import Surface, surface
from crossjepa.mesh.mesh import Mesh, Part, transform
from crossjepa.mesh.resources import Resources

Matrices = NDArray[np.float64]

MOST_TRIANGLES = 20_000_000
MOST_NODES = 2_000_000  # visits; nodes whose children are shared can be visited very often


def read_gltf(data: bytes, resources: Resources) -> Mesh:
    """Read the scene that a `.gltf` or `.glb` file shows by default, without animation.

    Raises:
        BadMesh: if it is damaged, not glTF 2.0, has more than 20 million triangles, or requires an extension
            that is not supported.
    """
    return Mesh(tuple(Scene(Document(data, resources)).parts()), up="y")


class Scene:
    """The nodes of a document's default scene, and the meshes at them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.accessors = Accessors(document)
        self.materials = Materials(document)
        self.nodes: list[Json] = document.root.get("nodes", [])
        self.locals = local_matrices(self.nodes)
        self._surfaces: dict[Any, list[Surface]] = {}
        self._worlds: dict[int, Matrices] = {}

    def parts(self) -> Iterator[Part]:
        """The primitives at all nodes, in the frame of the scene."""
        count, hidden = 0, {index for index, _ in self._walk(filter(self._hides, range(len(self.nodes))))}
        for index, world in self._walk(self._roots()):
            node = self.nodes[index]
            if "mesh" not in node or index in hidden:
                continue
            surfaces = self._read(node)
            places = self._places(node, world)
            count += len(places) * sum(len(each.part.faces) for each in surfaces)
            if count > MOST_TRIANGLES:
                raise BadMesh(f"has more than {MOST_TRIANGLES} triangles")
            pose = self._pose(node["skin"]) if "skin" in node else None
            for matrix in places:
                if pose is not None or matrix[:3, :3].any():  # scaled to nothing: a way to hide a mesh
                    yield from (placed(each, matrix, pose) for each in surfaces)

    def _hides(self, index: int) -> bool:
        extensions = self.nodes[index].get("extensions", {})
        return not extensions.get("KHR_node_visibility", {}).get("visible", True)

    def _roots(self) -> list[int]:
        if self.document.root.get("scenes"):
            return self.document.item("scenes", self.document.root.get("scene", 0)).get("nodes", [])
        return self._tops()

    def _tops(self) -> list[int]:
        children = {child for node in self.nodes for child in node.get("children", [])}
        return [index for index in range(len(self.nodes)) if index not in children]

    def _walk(self, roots: Iterable[int]) -> Iterator[tuple[int, Matrices]]:
        """All nodes below roots, with their (4, 4) matrices to the frame of the scene."""
        waiting = [(root, np.eye(4), 1) for root in reversed(list(roots))]
        for _ in range(MOST_NODES):
            if not waiting:
                return
            index, above, depth = waiting.pop()
            node = self.document.item("nodes", index)
            if depth > len(self.nodes):
                raise BadMesh("the nodes form a cycle")
            world = above @ self.locals[index]
            yield index, world
            waiting += [(child, world, depth + 1) for child in reversed(node.get("children", []))]
        raise BadMesh(f"has more than {MOST_NODES} nodes")

    def _read(self, node: Json) -> list[Surface]:
        """The primitives of a node's mesh; read once for all nodes with the same morph weights."""
        mesh = self.document.item("meshes", node["mesh"])
        weights: list[float] = node.get("weights") or mesh.get("weights") or []
        key = (node["mesh"], tuple(weights))
        if key not in self._surfaces:
            read = (surface(self.accessors, self.materials, each, weights) for each in mesh["primitives"])
            self._surfaces[key] = [each for each in read if each is not None]
        return self._surfaces[key]

    def _places(self, node: Json, world: Matrices) -> Matrices:
        """(N, 4, 4) matrices of a node's instances; its own if it has none.

        https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/EXT_mesh_gpu_instancing
        """
        instancing = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
        if instancing is None:
            return world[None]
        names = instancing["attributes"]
        values = {name: self.accessors.floats(names[name]) for name in TRS if name in names}
        counts = {len(each) for each in values.values()}
        if len(counts) != 1:
            raise BadMesh("the attributes of a node's instances differ in number")
        rows = counts.pop()
        return world @ trs(*(values.get(name, np.tile(TRS[name], (rows, 1))) for name in TRS))

    def _pose(self, index: Any) -> Matrices:
        """(J, 4, 4) matrices of a skin's joints, from the frame of a mesh to that of the scene."""
        skin = self.document.item("skins", index)
        self._worlds = self._worlds or dict(self._walk(self._tops()))
        if not set(skin["joints"]) <= self._worlds.keys():
            raise BadMesh("a skin has joints that are no nodes")
        joints = np.array([self._worlds[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" not in skin:
            return joints
        inverse = self.accessors.floats(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        if len(inverse) < len(joints):
            raise BadMesh(f"a skin has {len(joints)} joints, but {len(inverse)} inverse bind matrices")
        return joints @ inverse[: len(joints)]


TRS = {"TRANSLATION": (0.0, 0.0, 0.0), "ROTATION": (0.0, 0.0, 0.0, 1.0), "SCALE": (1.0, 1.0, 1.0)}


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
    return matrices


def placed(each: Surface, matrix: Matrices, pose: Matrices | None) -> Part:
    """A primitive in the frame of the scene: under its node's matrix or, if it has a skin, the joints'."""
    if pose is None or each.joints is None or each.weights is None:
        return transform(each.part, matrix)
    if not 0 <= each.joints.min() <= each.joints.max() < len(pose):
        raise BadMesh(f"a vertex hangs on joint {each.joints.max()}, but the skin has {len(pose)}")
    points = np.column_stack([each.part.vertices, np.ones(len(each.part.vertices))])
    moved = np.zeros_like(each.part.vertices)
    for joint, weight in zip(each.joints.T, each.weights.T, strict=True):
        moved += weight[:, None] * np.einsum("vij,vj->vi", pose[joint, :3], points)
    return replace(each.part, vertices=moved)
