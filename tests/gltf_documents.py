"""Tiny glTF documents, built in code."""

import base64
import io
import json
import struct
from typing import Any

import numpy as np
from PIL import Image

from crossjepa.mesh.mesh import Mesh
from crossjepa.mesh.read import read_mesh

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype=np.float32)  # as a strip
TWO = np.array([0, 1, 2, 2, 1, 3], dtype=np.uint16)
RED_LEFT = np.array([[[255, 0, 0, 255], [0, 0, 255, 255]]], dtype=np.uint8)  # one row: red, then blue
LEFT = np.tile(np.float32([0.25, 0.5]), (4, 1))

TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}


class Document:
    """A glTF document in the making; `add` and its kin give the new object's index."""

    def __init__(self, **root: Any) -> None:
        self.root: dict[str, Any] = {"asset": {"version": "2.0"}} | root
        self.blob = b""

    def add(self, kind: str, **item: Any) -> int:
        self.root.setdefault(kind, []).append(item)
        return len(self.root[kind]) - 1

    def view(self, data: bytes, **more: Any) -> int:
        self.blob += bytes(-len(self.blob) % 4)
        start, self.blob = len(self.blob), self.blob + data
        return self.add("bufferViews", buffer=0, byteOffset=start, byteLength=len(data), **more)

    def accessor(self, values: np.ndarray, **more: Any) -> int:
        return self.claim(values, bufferView=self.view(values.tobytes()), **more)

    def claim(self, values: np.ndarray, **more: Any) -> int:
        """An accessor without data of its own."""
        width = values.shape[1] if values.ndim > 1 else 1
        kind = COMPONENTS[values.dtype.str[1:]]
        return self.add(
            "accessors", **{"componentType": kind, "count": len(values), "type": TYPES[width]} | more
        )

    def primitive(self, attributes: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
        """The square as a strip, with more attributes."""
        positions = {} if "POSITION" in (attributes or {}) else {"POSITION": self.accessor(SQUARE)}
        return {"attributes": positions | (attributes or {}), "mode": 5} | more

    def mesh(self, *primitives: dict[str, Any], **node: Any) -> "Document":
        """A node with a mesh; of the square, if no primitive is given."""
        self.add("nodes", mesh=self.add("meshes", primitives=list(primitives or [self.primitive()])), **node)
        return self

    def textured(
        self, uv: np.ndarray = LEFT, texture: Any = None, info: Any = None, **image: Any
    ) -> "Document":
        """The square under a red and blue image."""
        self.add("images", **(image or {"bufferView": self.view(png(RED_LEFT))}))
        self.add("textures", **({"source": 0} if texture is None else texture))
        base = {"index": 0} | (info or {})
        self.add("materials", pbrMetallicRoughness={"baseColorTexture": base})
        coordinates = {"TEXCOORD_0": self.accessor(uv)}
        return self.mesh(self.primitive(coordinates, material=0))

    def coloured(self, extras: dict[str, np.ndarray] | None = None, **material: Any) -> "Document":
        """The square under a material, with vertex colours."""
        self.add("materials", **material)
        attributes = {n: self.accessor(v, normalized=v.dtype != "f4") for n, v in (extras or {}).items()}
        return self.mesh(self.primitive(attributes, material=0))

    def glb(self) -> bytes:
        self.root.setdefault("buffers", [{"byteLength": len(self.blob)}])
        text = json.dumps(self.root).encode()
        text, blob = text + b" " * (-len(text) % 4), self.blob + bytes(-len(self.blob) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(blob), 0x004E4942)
        return b"glTF" + struct.pack("<II", 2, 12 + len(chunks) + len(blob)) + chunks + blob

    def gltf(self, uri: str | None = None) -> bytes:
        uri = uri or "data:application/octet-stream;base64," + base64.b64encode(self.blob).decode()
        return json.dumps(self.root | {"buffers": [{"byteLength": len(self.blob), "uri": uri}]}).encode()

    def read(self, files: dict[str, bytes] | None = None) -> Mesh:
        return read(self.glb(), "glb", files)


def read(data: bytes, suffix: str = "gltf", files: dict[str, bytes] | None = None) -> Mesh:
    def find(name: str) -> bytes:
        if name not in (files or {}):
            raise FileNotFoundError(name)
        return (files or {})[name]

    return read_mesh(data, suffix, find)


def png(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def area(mesh: Mesh) -> float:
    a, b, c = mesh.triangles.transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def extents(mesh: Mesh) -> list[float]:
    points = mesh.triangles.reshape(-1, 3)
    return np.round(np.ptp(points, axis=0), 4).tolist()


def texels(mesh: Mesh) -> np.ndarray:
    """(V, 4) what the image shows at each vertex, without wrapping."""
    texture = mesh.parts[0].texture
    assert texture is not None
    height, width = texture.image.shape[:2]
    columns, rows = texture.uv[:, 0] * width, (1 - texture.uv[:, 1]) * height
    return texture.image[np.floor(rows).astype(int), np.floor(columns).astype(int)]
