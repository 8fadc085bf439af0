"""COLLADA.

Source: the COLLADA 1.4.1 and 1.5.0 specifications, https://www.khronos.org/collada/
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from lxml import etree

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import PLAIN, with_alpha
from crossjepa.mesh.dae_geometry import Elements, Primitive, positions, primitives
from crossjepa.mesh.dae_materials import Materials
from crossjepa.mesh.dae_morph import morphed
from crossjepa.mesh.dae_scene import Matrix, Node, read_nodes, target
from crossjepa.mesh.dae_skin import bind_shape, posed
from crossjepa.mesh.mesh import Axis, Mesh, Part, Texture, to_linear, transform
from crossjepa.mesh.resources import Resources
from crossjepa.mesh.xml import local_name, parse_xml

MOST_TRIANGLES = 20_000_000  # of all copies; a small file can ask for any number
AXES: dict[str, Axis] = {"X_UP": "x", "Y_UP": "y", "Z_UP": "z"}


def read_dae(data: bytes, resources: Resources) -> Mesh:
    """Read a COLLADA file: one part for each primitive of each instance in its scene.

    Skins are drawn in the pose of their joints, morphs by their weights; without <up_axis>, +Y is up.

    Raises:
        BadMesh: if it is damaged, has no scene, or asks for too many copies.
    """
    root = parse_xml(data)
    elements = {element.get("id"): element for element in root.iter() if element.get("id")}
    instance = root.find("{*}scene/{*}instance_visual_scene")
    scene = root.find(".//{*}visual_scene") if instance is None else elements.get(target(instance))
    if scene is None:
        raise BadMesh("no visual scene")
    drawer = _Drawer(elements, read_nodes(elements, scene), resources)
    return Mesh(tuple(drawer.parts()), AXES.get((root.findtext("{*}asset/{*}up_axis") or "").strip(), "y"))


class _Drawer:
    """Makes parts of the instances in a scene.

    Args:
        elements: of the document, by id.
        nodes: of the scene.
        resources: finds images.
    """

    def __init__(self, elements: Elements, nodes: list[Node], resources: Resources) -> None:
        self._elements = elements
        self._nodes = nodes
        self._materials = Materials(elements, resources)
        self._primitives: dict[str, list[Primitive]] = {}

    def parts(self) -> Iterator[Part]:
        """All parts, in the scene's frame."""
        count = 0
        for node, matrix in self._nodes:
            for instance in node:
                kind = local_name(instance)
                if kind not in ("instance_geometry", "instance_controller"):
                    continue
                for part in self._instance(instance, matrix):
                    count += len(part.faces)
                    if count > MOST_TRIANGLES:
                        raise BadMesh(f"more than {MOST_TRIANGLES} triangles in all copies: too many")
                    yield part

    def _instance(self, instance: etree._Element, matrix: Matrix) -> Iterator[Part]:
        """The parts of a geometry, or of a controller's, under its node's (4, 4) transform."""
        name, controllers = self._geometry(target(instance))
        mesh = self._elements[name].find("{*}mesh")
        if mesh is None:
            return  # splines are no surface
        points, held = positions(self._elements, mesh), None
        if (morph := controllers.get("morph")) is not None:
            points = morphed(self._elements, morph, points)
        if (skin := controllers.get("skin")) is not None:
            held = posed(self._elements, skin, points, self._joints(instance))
            matrix = matrix @ bind_shape(skin)
        if name not in self._primitives:
            self._primitives[name] = list(primitives(self._elements, mesh))
        for primitive in self._primitives[name]:
            part = self._dressed(primitive, instance, (points if held is None else held)[primitive.points])
            if controllers:
                part = replace(part, normals=None)
            yield transform(part, matrix) if held is None else part

    def _geometry(self, name: str) -> tuple[str, dict[str, etree._Element]]:
        """The geometry that an instance draws, and its controllers, `skin` or `morph`, on the way there."""
        controllers: dict[str, etree._Element] = {}
        for _ in range(8):  # a morph may be skinned, or a skin morphed
            element = self._elements.get(name)
            if element is None:
                raise BadMesh(f"geometry {name} is missing")
            if local_name(element) == "geometry":
                return name, controllers
            for inner in element:
                if local_name(inner) in ("skin", "morph"):
                    name = target(inner, "source")
                    controllers[local_name(inner)] = inner
        raise BadMesh(f"controller {name} has no geometry")

    def _joints(self, instance: etree._Element) -> dict[str, Matrix]:
        """The transforms of the nodes of an instance's skeletons, or else of all, by name, id and sid."""
        named = [(e.text or "").strip().lstrip("#") for e in instance.iterfind("{*}skeleton")]
        roots = [self._elements[name] for name in named if name in self._elements]
        inside = {node for root in roots for node in root.iter()}
        nodes = [(node, matrix) for node, matrix in self._nodes if node in inside or not inside]
        keys = ("name", "id", "sid")
        return {node.get(key): matrix for key in keys for node, matrix in nodes if node.get(key)}

    def _dressed(self, primitive: Primitive, instance: etree._Element, vertices: Matrix) -> Part:
        """A primitive in the material that the instance binds to its symbol."""
        part = Part(vertices, primitive.faces, PLAIN, normals=primitive.normals)
        if primitive.colours is not None:
            colours = np.insert(primitive.colours[:, :3], 3, 1.0, axis=1).clip(0, 1)
            part = replace(part, factor=np.ones(4), vertex_colours=to_linear(colours))
        bound = {e.get("symbol"): e for e in instance.iterfind(".//{*}instance_material")}
        binding = bound.get(primitive.symbol)
        name = target(binding, "target") if binding is not None else primitive.symbol
        if binding is None and name not in self._elements:  # some leave the binding out, and mean the id
            return part
        if (material := self._materials.get(name)) is None:
            return part
        if material.stated or primitive.colours is None:
            part = replace(part, factor=material.factor)
        if material.image is not None and primitive.uv:
            inputs = [] if binding is None else binding.findall("{*}bind_vertex_input")
            sets = {e.get("semantic"): int(e.get("input_set", 0)) for e in inputs}
            uv = primitive.uv.get(sets.get(material.texcoord, -1), next(iter(primitive.uv.values())))
            part = replace(part, texture=Texture(material.image, uv, material.wrap))
        return with_alpha(part)
