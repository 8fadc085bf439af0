"""The accessors of a glTF 2.0 document as arrays: strided, sparse, normalised or compressed by Draco.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#accessors
"""

from typing import Any

import DracoPy
import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.gltf_document import Document, Json, whole

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MOST_ZEROS = 10_000_000  # elements of an accessor without a buffer view: no bytes in the file vouch for them


class Accessors:
    """Reads accessors, each once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._stored: dict[int, NDArray[np.generic]] = {}
        self._draco: dict[int, Any] = {}

    def stored(self, index: Any) -> NDArray[np.generic]:
        """An accessor's (count, components) values in its own type; without a copy, if it is not sparse.

        Raises:
            BadMesh: if it does not lie in its buffer view.
        """
        accessor = self.document.item("accessors", index)
        if index not in self._stored:
            dense, sparse = self._dense(accessor), accessor.get("sparse")
            self._stored[index] = self._patched(dense, sparse) if sparse else dense
        return self._stored[index]

    def floats(self, index: Any, stored: NDArray[np.generic] | None = None) -> NDArray[np.float64]:
        """An accessor's (n, components) values as float64, those of normalised integers in -1..1.

        Args:
            index: the accessor's; it tells the type, whatever the type of `stored`.
            stored: (n, components) values of it, in place of all.
        """
        values = self.stored(index) if stored is None else stored
        accessor = self.document.item("accessors", index)
        kind = component(accessor)
        if kind.kind == "f" or not accessor.get("normalized"):
            return values.astype(np.float64)
        return np.maximum(values.astype(np.float64) / np.iinfo(kind).max, -1)

    def draco(self, primitive: Json) -> dict[str, NDArray[np.generic]]:
        """The attributes that a primitive keeps in Draco data, and its (F, 3) triangles as `faces`; empty if
        it is not compressed.

        Raises:
            BadMesh: if the data are damaged and there are no others.
        """
        packed = primitive.get("extensions", {}).get("KHR_draco_mesh_compression")
        if packed is None:
            return {}
        try:
            mesh = self._decoded(packed["bufferView"])
            values = {
                name: mesh.get_attribute_by_unique_id(key)["data"]
                for name, key in packed["attributes"].items()
            }
            return values | {"faces": mesh.faces}
        except Exception as error:  # the decoder raises all kinds of errors
            position = self.document.item("accessors", primitive["attributes"]["POSITION"])
            if "bufferView" in position:  # the file has the same uncompressed, for readers without Draco
                return {}
            raise BadMesh(f"Draco data cannot be decoded ({error})") from error

    def _decoded(self, view: int) -> Any:
        if view not in self._draco:
            self._draco[view] = DracoPy.decode(bytes(self.document.view(view)))
        return self._draco[view]

    def _dense(self, accessor: Json) -> NDArray[np.generic]:
        kind, count = component(accessor), whole(accessor, "count")
        width = WIDTHS.get(accessor.get("type", ""))
        if width is None:
            raise BadMesh(f"accessor type {accessor.get('type')!r} is not supported")
        if "bufferView" in accessor:
            stride = whole(self.document.item("bufferViews", accessor["bufferView"]), "byteStride", 0)
            return self._strided(accessor, (count, width), kind, stride)
        if count > MOST_ZEROS:
            raise BadMesh(f"an accessor without data claims {count} elements")
        return np.zeros((count, width), kind)

    def _patched(self, values: NDArray[np.generic], sparse: Json) -> NDArray[np.generic]:
        count, places = whole(sparse, "count"), sparse["indices"]
        rows = self._strided(places, (count, 1), component(places))[:, 0]
        new = self._strided(sparse["values"], (count, values.shape[1]), values.dtype)
        if count and int(rows.max()) >= len(values):
            raise BadMesh(f"a sparse accessor sets element {rows.max()} of {len(values)}")
        values = values.copy()
        values[rows] = new
        return values

    def _strided(
        self, place: Json, shape: tuple[int, int], kind: np.dtype[Any], stride: int = 0
    ) -> NDArray[np.generic]:
        data = self.document.view(place["bufferView"])
        offset, size = whole(place, "byteOffset", 0), shape[1] * kind.itemsize
        stride = stride or size
        if stride < size or (shape[0] and offset + (shape[0] - 1) * stride + size > len(data)):
            raise BadMesh(f"an accessor of {shape[0]} x {size} bytes is not inside its {len(data)} bytes")
        return np.ndarray(shape, kind, data, offset if shape[0] else 0, (stride, kind.itemsize))


def component(item: Json) -> np.dtype[Any]:
    """The type of an object's `componentType`."""
    if item.get("componentType") not in COMPONENTS:
        raise BadMesh(f"componentType {item.get('componentType')!r} is not one of glTF 2.0")
    return np.dtype(COMPONENTS[item["componentType"]])
