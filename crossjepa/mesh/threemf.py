"""3MF: the core specification with the production and the materials extension.

Source: https://github.com/3MFConsortium/spec_core and the extensions beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.colours import with_alpha
from crossjepa.mesh.mesh import Mesh, Part, Texture, transform
from crossjepa.mesh.package import Package, part_name
from crossjepa.mesh.resources import Resources
from crossjepa.mesh.threemf_properties import NONE, Properties, read_properties
from crossjepa.mesh.xml import parse_xml

MOST_TRIANGLES = 20_000_000  # of all copies of objects; a small file can ask for any number
UNDERSTOOD = ("/core/", "/production/", "/material/", "/trianglesets/")


def read_threemf(data: bytes, resources: Resources) -> Mesh:
    """Read a 3MF file: one part for each copy of an object and each of its groups of properties.

    Units are passed over, and no axis is said to point up.

    Raises:
        BadMesh: if the archive or a model in it is damaged, needs an extension that is not understood, or
            would unpack to too much.
    """
    models = _Models(Package(data), resources)
    root = models.package.root("/3dmodel")
    items = list(models.load(root).element.iterfind("{*}build/{*}item"))
    wanted = [(models.reference(item, root), _matrix(item)) for item in items]
    count = sum(models.count(*key) for key, _ in wanted)
    if count > MOST_TRIANGLES:
        raise BadMesh(f"{count} triangles in all copies of its objects: too many")
    return Mesh(tuple(part for key, matrix in wanted for part in models.parts(key, matrix)))


@dataclass(frozen=True, eq=False)
class _Model:
    element: etree._Element
    objects: dict[str, etree._Element]
    properties: dict[str, Properties]


class _Models:
    """The model files of a package, whose objects are made of each other.

    Args:
        package: holds them.
        resources: decodes images.
    """

    def __init__(self, package: Package, resources: Resources) -> None:
        self.package = package
        self._resources = resources
        self.load = cache(self._load)
        self._meshes = cache(self._mesh)
        self._counts: dict[tuple[str, str], int | None] = {}

    def _load(self, name: str) -> _Model:
        element = parse_xml(self.package.read(name))
        for prefix in element.get("requiredextensions", "").split():
            space = element.nsmap.get(prefix, prefix)
            if not any(word in space for word in UNDERSTOOD):
                raise BadMesh(f"the 3MF extension {space} is not supported")
        if (resources := element.find("{*}resources")) is None:
            raise BadMesh(f"{name} has no resources")
        objects = {e.get("id", ""): e for e in resources.iterfind("{*}object")}
        properties = read_properties(resources, lambda path: self._image(part_name(path, name)))
        return _Model(element, objects, properties)

    def _image(self, name: str) -> NDArray[np.uint8] | None:
        if name not in self.package:
            self._resources.warnings.append(f"texture {name} is missing")
            return None
        return self._resources.decode(self.package.read(name), name)

    def reference(self, element: etree._Element, model: str) -> tuple[str, str]:
        """The model file and id of the object that an item or a component of a model names."""
        paths = [value for key, value in element.attrib.items() if key.endswith("}path")]
        return part_name(paths[0], model) if paths else model, element.get("objectid", "")

    def _object(self, model: str, name: str) -> etree._Element:
        if (element := self.load(model).objects.get(name)) is None:
            raise BadMesh(f"object {name} is missing in {model}")
        return element

    def count(self, model: str, name: str) -> int:
        """Number of triangles of an object with all its components.

        Raises:
            BadMesh: if an object is missing or a component of itself.
        """
        key = (model, name)
        if key not in self._counts:
            self._counts[key] = None
            element = self._object(model, name)
            components = [self.count(*self.reference(e, model)) for e in _components(element)]
            self._counts[key] = sum(components) + len(element.findall("{*}mesh/{*}triangles/{*}triangle"))
        if (count := self._counts[key]) is None:
            raise BadMesh(f"object {name} is a component of itself")
        return count

    def parts(self, key: tuple[str, str], matrix: NDArray[np.float64]) -> Iterator[Part]:
        """The parts of an object and its components under a (4, 4) transform."""
        if not self.count(*key):
            return
        for part in self._meshes(*key):
            yield transform(part, matrix)
        for component in _components(self._object(*key)):
            yield from self.parts(self.reference(component, key[0]), matrix @ _matrix(component))

    def _mesh(self, model: str, name: str) -> list[Part]:
        """The parts of an object without its components."""
        element, groups = self._object(model, name), self.load(model).properties
        vertices, faces, used, numbers = _triangles(element)
        if faces.size and not 0 <= faces.min() <= faces.max() < len(vertices):
            raise BadMesh(f"a triangle refers to a vertex that is not there ({len(vertices)} are)")
        if missing := sorted(set(used) - {"", *groups}):
            self._resources.warnings.append(f"the properties {missing[0]} of triangles are missing")
        names, group = np.unique(used, return_inverse=True)
        parts = []
        for row, name in enumerate(names):
            properties, mine = groups.get(str(name), NONE), group == row
            if properties is not NONE and numbers[mine].max() >= len(properties.rows) - 1:
                self._resources.warnings.append(f"some of the properties {name} of triangles are missing")
            parts.append(_part(vertices, faces[mine], numbers[mine], properties))
        return parts


def _components(element: etree._Element) -> list[etree._Element]:
    return element.findall("{*}components/{*}component")


def _matrix(element: etree._Element) -> NDArray[np.float64]:
    """The (4, 4) transform of an item or component, which the file gives for row vectors, (4, 3)."""
    matrix = np.eye(4)
    if text := element.get("transform"):
        matrix[:3] = np.array(text.split(), dtype=np.float64).reshape(4, 3).T
    return matrix


def _triangles(
    element: etree._Element,
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str], NDArray[np.int64]]:
    """An object's (V, 3) vertices, (F, 3) faces, the F ids of their properties and (F, 3) numbers in them."""
    vertices = [
        (float(e.get("x", "nan")), float(e.get("y", "nan")), float(e.get("z", "nan")))
        for e in element.iterfind("{*}mesh/{*}vertices/{*}vertex")
    ]
    triangles = element.findall("{*}mesh/{*}triangles/{*}triangle")
    group, number = element.get("pid", ""), int(element.get("pindex", -1))
    used = [e.get("pid", group) for e in triangles]
    faces = [(int(e.get("v1", -1)), int(e.get("v2", -1)), int(e.get("v3", -1))) for e in triangles]
    first = [int(e.get("p1", number)) for e in triangles]
    numbers = [(p, int(e.get("p2", p)), int(e.get("p3", p))) for p, e in zip(first, triangles, strict=True)]
    return (
        np.array(vertices, dtype=np.float64).reshape(-1, 3),
        np.array(faces, dtype=np.int64).reshape(-1, 3),
        used,
        np.array(numbers, dtype=np.int64).reshape(-1, 3),
    )


def _part(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    numbers: NDArray[np.int64],
    properties: Properties,
) -> Part:
    """Triangles of one group of properties; corners with the same vertex and property stay one vertex."""
    size = len(properties.rows)
    keys, corners = np.unique(faces * size + properties.at(numbers), return_inverse=True)
    values = properties.rows[keys % size]
    part = Part(vertices[keys // size], corners.reshape(-1, 3), factor=np.ones(4))
    if properties.image is None:
        return with_alpha(replace(part, vertex_colours=values))
    return with_alpha(replace(part, texture=Texture(properties.image, values, properties.wrap)))
