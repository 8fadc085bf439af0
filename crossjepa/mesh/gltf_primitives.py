"""The primitives of glTF 2.0 meshes as coloured triangles, in the frame of their mesh.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#meshes
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.gltf_accessors import Accessors
from crossjepa.mesh.gltf_document import Json
from crossjepa.mesh.gltf_materials import Material, Materials
from crossjepa.mesh.mesh import Part, Texture

POINTS_AND_LINES, TRIANGLES, STRIP, FAN = (0, 1, 2, 3), 4, 5, 6

Rows = NDArray[np.int64] | slice


@dataclass(frozen=True, eq=False)
class Surface:
    """A primitive, and how a skin moves it.

    Attributes:
        part: in the frame of its mesh, morphed.
        joints: (V, K) rows of the skin's joints, or None.
        weights: (V, K) of these joints, of sum 1, or None.
    """

    part: Part
    joints: NDArray[np.int64] | None
    weights: NDArray[np.float64] | None


def surface(
    accessors: Accessors, materials: Materials, primitive: Json, weights: Sequence[float]
) -> Surface | None:
    """Read a primitive.

    Args:
        primitive: an item of a mesh's `primitives`.
        weights: of its morph targets.

    Returns:
        Its triangles, without vertices that they do not use; None if it has none.

    Raises:
        BadMesh: if its data are not as glTF 2.0 says.
    """
    mode = primitive.get("mode", TRIANGLES)
    if "POSITION" not in primitive["attributes"] or mode in POINTS_AND_LINES:
        return None
    vertices = Vertices(accessors, primitive, weights)
    faces = vertices.faces(mode)
    if not len(faces):
        return None
    vertices.rows, faces = compact(faces, vertices.count)
    colours = vertices.colours()
    material, texture = laid(materials.material(primitive.get("material")), vertices, materials)
    material = material.seen(1 if colours is None else float(colours[:, 3].max()))
    positions = vertices.read("POSITION", 3)
    if not np.isfinite(positions).all():
        raise BadMesh("has vertices that are not finite")
    part = Part(
        positions,
        faces,
        material.factor,
        texture=texture,
        vertex_colours=colours,
        alpha=material.alpha,
        cutoff=material.cutoff,
    )
    return Surface(part, *vertices.bones())


class Vertices:
    """The attributes of a primitive's vertices, morphed; of `rows` alone, once these are set."""

    def __init__(self, accessors: Accessors, primitive: Json, weights: Sequence[float]) -> None:
        self.accessors = accessors
        self.primitive = primitive
        self.attributes: Json = primitive["attributes"]
        self.weights = weights
        self.rows: Rows = slice(None)
        self._packed = accessors.draco(primitive)
        self.count = len(self._stored("POSITION"))

    def faces(self, mode: Any) -> NDArray[np.int64]:
        """(F, 3) vertices of the triangles."""
        if "faces" in self._packed:
            faces = self._packed["faces"].astype(np.int64)
        elif "indices" in self.primitive:
            faces = triangles(self.accessors.stored(self.primitive["indices"])[:, 0].astype(np.int64), mode)
        else:
            faces = triangles(np.arange(self.count), mode)
        if faces.size and not 0 <= faces.min() <= faces.max() < self.count:
            raise BadMesh(f"index {faces.max()} is out of range: a primitive has {self.count} vertices")
        return faces

    def read(self, name: str, width: int | None = None) -> NDArray[np.float64]:
        """(V, width) values of an attribute."""
        values = self._floats(self.attributes[name], self._stored(name), width)
        for target, weight in zip(self.primitive.get("targets", []), self.weights, strict=False):
            if weight and name in target:
                delta = self.accessors.stored(target[name])
                values = values + weight * self._floats(target[name], delta, width)
        return values

    def colours(self) -> NDArray[np.float64] | None:
        """(V, 4) linear colours, or None."""
        if "COLOR_0" not in self.attributes:
            return None
        values = np.clip(np.nan_to_num(self.read("COLOR_0")), 0, 1)
        opaque = np.ones((len(values), 4 - values.shape[1]))
        return np.concatenate([values, opaque], axis=1)

    def bones(self) -> tuple[NDArray[np.int64], NDArray[np.float64]] | tuple[None, None]:
        """(V, K) joints and their weights, of all sets; None for both if there are none."""
        sets = [n for n in range(len(self.attributes)) if f"JOINTS_{n}" in self.attributes]
        if not sets:
            return None, None
        joints = np.concatenate([self.read(f"JOINTS_{n}", 4) for n in sets], axis=1)
        weights = np.concatenate([self.read(f"WEIGHTS_{n}", 4) for n in sets], axis=1)
        total = weights.sum(axis=1, keepdims=True)
        weights = np.where(total > 0, weights / np.where(total > 0, total, 1), np.eye(1, weights.shape[1]))
        return np.where(weights > 0, joints, 0).astype(np.int64), weights

    def _stored(self, name: str) -> NDArray[np.generic]:
        return self._packed[name] if name in self._packed else self.accessors.stored(self.attributes[name])

    def _floats(self, index: Any, stored: NDArray[np.generic], width: int | None) -> NDArray[np.float64]:
        if len(stored) != self.count or stored.shape[1] != (width or stored.shape[1]):
            raise BadMesh(f"accessor {index} has {stored.shape} values for {self.count} vertices")
        return self.accessors.floats(index, stored[self.rows])


def laid(material: Material, vertices: Vertices, materials: Materials) -> tuple[Material, Texture | None]:
    """A material, and its image at the coordinates of the vertices."""
    image = material.image
    if image is None:
        return material, None
    if image.coordinates not in vertices.attributes:
        materials.document.resources.warnings.append(f"a textured primitive has no {image.coordinates}")
        return material.plain(), None
    uv = np.nan_to_num(vertices.read(image.coordinates, 2)) @ image.transform[:, :2].T + image.transform[:, 2]
    return material, Texture(image.pixels, np.column_stack([uv[:, 0], 1 - uv[:, 1]]), image.wrap)


def triangles(corners: NDArray[np.int64], mode: Any) -> NDArray[np.int64]:
    """(F, 3) corners of a list, strip or fan of triangles."""
    if mode == TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    first = np.arange(max(len(corners) - 2, 0))
    if mode == STRIP:  # every second triangle is turned, so that all face the same side
        odd = first % 2
        return corners[np.column_stack([first, first + 1 + odd, first + 2 - odd])]
    if mode == FAN:
        return corners[np.column_stack([first + 1, first + 2, np.zeros_like(first)])]
    raise BadMesh(f"primitive mode {mode!r} is not one of glTF 2.0")


def compact(faces: NDArray[np.int64], count: int) -> tuple[Rows, NDArray[np.int64]]:
    """The rows of the vertices that faces use, and the faces with their places among these.

    Many primitives may share the vertices of a whole scene: only a primitive's own are worth its time.
    """
    if count > faces.size:
        rows, places = np.unique(faces, return_inverse=True)
        return rows, places.reshape(faces.shape)
    used = np.zeros(count, dtype=bool)
    used[faces] = True
    return (slice(None), faces) if used.all() else (np.flatnonzero(used), (np.cumsum(used) - 1)[faces])
