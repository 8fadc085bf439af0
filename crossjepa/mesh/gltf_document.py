"""A glTF 2.0 document: its JSON objects, and the bytes that they name.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html, sections 3.6.1 (buffers) and 4 (GLB).
"""

import base64
import json
import struct
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import meshopt

from crossjepa.errors import BadMesh
from crossjepa.mesh.resources import Resources

Json = dict[str, Any]

JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
MOST_UNPACKED = 1024  # bytes that one compressed byte can stand for in meshoptimizer's vertex codec

# Extensions that a file may require: those read, and those that change neither shape nor base colour.
UNDERSTOOD = {
    *("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression"),
    *("KHR_mesh_quantization", "EXT_mesh_gpu_instancing", "KHR_node_visibility", "KHR_texture_transform"),
    *("EXT_texture_webp", "KHR_materials_pbrSpecularGlossiness", "KHR_materials_unlit"),
    *("KHR_materials_variants", "KHR_materials_emissive_strength", "KHR_materials_anisotropy"),
    *("KHR_materials_clearcoat", "KHR_materials_diffuse_transmission", "KHR_materials_dispersion"),
    *("KHR_materials_ior", "KHR_materials_iridescence", "KHR_materials_sheen", "KHR_materials_specular"),
    *("KHR_materials_transmission", "KHR_materials_volume", "KHR_materials_volume_scatter"),
    *("KHR_animation_pointer", "KHR_lights_punctual", "EXT_lights_image_based", "EXT_lights_ies"),
    *("KHR_xmp", "KHR_xmp_json_ld", "EXT_mesh_features", "EXT_structural_metadata"),
}


class Document:
    """The objects of a document by their index, and the bytes of its buffers and views.

    Args:
        data: a `.gltf` or `.glb` file's bytes.
        resources: gives the files that it refers to.

    Raises:
        BadMesh: if it is no glTF 2.0, or requires an extension that is not supported.
    """

    def __init__(self, data: bytes, resources: Resources) -> None:
        text, self._binary = chunks(data) if data[:4] == b"glTF" else (data, None)
        self.root: Json = parsed(text)
        self.resources = resources
        self._buffers: dict[int, bytes] = {}
        self._views: dict[int, memoryview] = {}

    def item(self, kind: str, index: Any) -> Json:
        """An object of one of the document's arrays, such as `accessors`.

        Raises:
            BadMesh: if there is none of that index.
        """
        items = self.root.get(kind, [])
        if type(index) is not int or not 0 <= index < len(items) or not isinstance(items[index], dict):
            raise BadMesh(f"there is no {kind}[{index!r}]")
        return items[index]

    def load(self, uri: str) -> bytes:
        """The bytes of a `data:` URI or of a file, whose URI is percent-encoded."""
        if not uri.startswith("data:"):
            return self.resources.read(unquote(uri))
        head, _, body = uri.partition(",")
        content = unquote_to_bytes(body)
        return base64.b64decode(content + b"==") if head.endswith(";base64") else content

    def view(self, index: Any) -> memoryview:
        """The bytes of a buffer view, decompressed."""
        view = self.item("bufferViews", index)
        if index not in self._views:
            extensions = view.get("extensions", {})
            packed = extensions.get("EXT_meshopt_compression") or extensions.get("KHR_meshopt_compression")
            self._views[index] = unpacked(self._window(packed), packed) if packed else self._window(view)
        return self._views[index]

    def _window(self, view: Json) -> memoryview:
        data = memoryview(self._buffer(view.get("buffer")))
        end = whole(view, "byteOffset", 0) + whole(view, "byteLength")
        if end > len(data):
            raise BadMesh(
                f"a buffer view ends at byte {end}, but buffer {view['buffer']} has {len(data)} bytes"
            )
        return data[end - view["byteLength"] : end]

    def _buffer(self, index: Any) -> bytes:
        buffer = self.item("buffers", index)
        if index not in self._buffers:
            if "uri" in buffer:
                self._buffers[index] = self.load(buffer["uri"])
            elif index == 0 and self._binary is not None:
                self._buffers[index] = self._binary
            else:
                raise BadMesh(f"buffer {index} has no data")
        return self._buffers[index]


def chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON text and the binary chunk, if there is one, of a GLB."""
    if len(data) < 20:
        raise BadMesh("the GLB is cut short")
    version, _, length, kind = struct.unpack_from("<4I", data, 4)
    if version != 2:
        raise BadMesh(f"GLB version {version} is not supported (only 2)")
    end = 20 + length
    if kind != JSON_CHUNK or end > len(data):
        raise BadMesh("the GLB is cut short, or does not begin with its JSON")
    if end + 8 > len(data) or struct.unpack_from("<I", data, end + 4)[0] != BINARY_CHUNK:
        return data[20:end], None
    return data[20:end], data[end + 8 : end + 8 + struct.unpack_from("<I", data, end)[0]]


def parsed(text: bytes) -> Json:
    """The JSON of a document of glTF 2.0 whose required extensions are understood."""
    try:
        root = json.loads(text.decode("utf-8-sig"))
    except ValueError as error:
        raise BadMesh(f"its JSON cannot be read ({error})") from error
    if not isinstance(root, dict):
        raise BadMesh("its JSON is not an object")
    asset = root.get("asset", {})
    version = str(asset.get("minVersion") or asset.get("version", "2.0"))
    if version != "2.0":
        raise BadMesh(f"glTF version {version} is not supported (only 2.0)")
    for extension in root.get("extensionsRequired", []):
        if extension not in UNDERSTOOD:
            raise BadMesh(f"requires the extension {extension}, which is not supported")
    return root


def unpacked(data: memoryview, packed: Json) -> memoryview:
    """The bytes of a buffer view that meshoptimizer compressed.

    https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/EXT_meshopt_compression
    """
    count, stride = whole(packed, "count"), whole(packed, "byteStride")
    if count * stride > len(data) * MOST_UNPACKED:
        raise BadMesh(f"meshopt data claim {count} x {stride} bytes, which {len(data)} bytes cannot hold")
    try:
        values = meshopt.decode_gltf_buffer(data, count, stride, packed.get("mode"), packed.get("filter"))
    except ValueError as error:
        raise BadMesh(f"meshopt data cannot be decoded ({error})") from error
    return memoryview(values.tobytes())


def whole(item: Json, key: str, default: int | None = None) -> int:
    """A count, size or offset of an object.

    Raises:
        BadMesh: if it is not a whole number from 0.
    """
    value = item.get(key, default)
    if type(value) is not int or value < 0:
        raise BadMesh(f"{key} is {value!r}, not a whole number")
    return value
