"""Reading glTF 2.0 and GLB: the meshes of a scene at their nodes.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from crossjepa.errors import BadMesh
from crossjepa.mesh.gltf_accessors import Accessors
from crossjepa.mesh.gltf_document import Document, Json
from crossjepa.mesh.gltf_materials import Materials
from crossjepa.mesh.gltf_nodes import TRS, Matrices, Nodes, trs
from crossjepa.mesh.gltf_primitives import Surface, surface
from crossjepa.mesh.mesh import Mesh, Part, transform
from crossjepa.mesh.resources import Resources

MOST_TRIANGLES = 20_000_000


def read_gltf(data: bytes, resources: Resources) -> Mesh:
    """Read the scene that a `.gltf` or `.glb` file shows by default, without animation.

    Raises:
        BadMesh: if it is damaged, not glTF 2.0, has more than 20 million triangles, or requires an extension
            that is not supported.
    """
    return Mesh(tuple(Scene(Document(data, resources)).parts()), up="y")


class Scene:
    """The meshes of a document's default scene."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.accessors = Accessors(document)
        self.materials = Materials(document)
        self.nodes = Nodes(document)
        self._surfaces: dict[Any, list[Surface]] = {}
        self._worlds: dict[int, Matrices] = {}

    def parts(self) -> Iterator[Part]:
        """The primitives at all nodes, in the frame of the scene; a node's instances are one part."""
        count = 0
        for node, world in self.nodes.shown():
            if "mesh" not in node:
                continue
            surfaces, instances = self._read(node), self._instances(node)
            count += instances * sum(len(each.part.faces) for each in surfaces)
            if count > MOST_TRIANGLES:
                raise BadMesh(f"has more than {MOST_TRIANGLES} triangles")
            if "skin" in node:
                pose = self._pose(node["skin"])
                yield from (posed(each, pose, world) for each in surfaces)
            elif instancing(node):
                places = world @ self._places(node, instances)
                yield from (repeated(each.part, places) for each in surfaces if instances)
            elif world[:3, :3].any():  # a scale of nothing is a way to hide a mesh
                yield from (transform(each.part, world) for each in surfaces)

    def _read(self, node: Json) -> list[Surface]:
        """The primitives of a node's mesh; read once for all nodes with the same morph weights."""
        mesh = self.document.item("meshes", node["mesh"])
        weights: list[float] = node.get("weights") or mesh.get("weights") or []
        key = (node["mesh"], tuple(weights))
        if key not in self._surfaces:
            read = (surface(self.accessors, self.materials, each, weights) for each in mesh["primitives"])
            self._surfaces[key] = [each for each in read if each is not None]
        return self._surfaces[key]

    def _instances(self, node: Json) -> int:
        """How often a node's mesh is drawn.

        https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/EXT_mesh_gpu_instancing
        """
        counts = {len(self.accessors.stored(index)) for index in instancing(node).values()} or {1}
        if len(counts) > 1:
            raise BadMesh("the attributes of a node's instances differ in number")
        return counts.pop()

    def _places(self, node: Json, count: int) -> Matrices:
        """(N, 4, 4) matrices from the frame of each of a node's instances to that of the node."""
        names = instancing(node)
        return trs(
            *(
                self.accessors.floats(names[name]) if name in names else np.tile(default, (count, 1))
                for name, default in TRS.items()
            )
        )

    def _pose(self, index: Any) -> Matrices:
        """(J, 4, 4) matrices of a skin's joints, from the frame of a mesh to that of the scene.

        https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#skins
        """
        skin = self.document.item("skins", index)
        self._worlds = self._worlds or self.nodes.worlds()
        if not set(skin["joints"]) <= self._worlds.keys():
            raise BadMesh("a skin has joints that are no nodes")
        joints = np.array([self._worlds[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" not in skin:
            return joints
        inverse = self.accessors.floats(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        if len(inverse) < len(joints):
            raise BadMesh(f"a skin has {len(joints)} joints, but {len(inverse)} inverse bind matrices")
        return joints @ inverse[: len(joints)]


def instancing(node: Json) -> Json:
    """The accessors of a node's instances, by the name of the attribute."""
    return node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {}).get("attributes", {})


def repeated(part: Part, places: Matrices) -> Part:
    """A part at all of (N, 4, 4) places, as one."""
    count, size = len(places), len(part.vertices)
    vertices = part.vertices @ places[:, :3, :3].transpose(0, 2, 1) + places[:, None, :3, 3]
    faces = part.faces + size * np.arange(count)[:, None, None]
    colours, texture = part.vertex_colours, part.texture
    return replace(
        part,
        vertices=vertices.reshape(-1, 3),
        faces=faces.reshape(-1, 3),
        vertex_colours=None if colours is None else np.tile(colours, (count, 1)),
        texture=texture and replace(texture, uv=np.tile(texture.uv, (count, 1))),
    )


def posed(each: Surface, pose: Matrices, world: Matrices) -> Part:
    """A primitive as the joints of its skin place it; by its node's matrix, if it hangs on none."""
    if each.joints is None or each.weights is None:
        return transform(each.part, world)
    if not 0 <= each.joints.min() <= each.joints.max() < len(pose):
        raise BadMesh(f"a vertex hangs on joint {each.joints.max()}, but the skin has {len(pose)}")
    points = np.column_stack([each.part.vertices, np.ones(len(each.part.vertices))])
    moved = np.zeros_like(each.part.vertices)
    for joint, weight in zip(each.joints.T, each.weights.T, strict=True):
        moved += weight[:, None] * np.einsum("vij,vj->vi", pose[joint, :3], points)
    return replace(each.part, vertices=moved)
