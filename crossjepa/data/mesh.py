"""Reading one mesh file, whatever its format."""

import io
import re

import trimesh
from PIL import Image
from trimesh.resolvers import Resolver

from crossjepa.data.dataset import BadMesh

TEXTURES = (
    "image",
    "baseColorTexture",
    "metallicRoughnessTexture",
    "normalTexture",
    "occlusionTexture",
    "emissiveTexture",
)


def read_scene(data: bytes, suffix: str, beside: Resolver) -> trimesh.Scene:
    """Read a mesh with its materials, in the frame and units of the file.

    Args:
        data: the file's bytes.
        suffix: of the file's name, which tells its format.
        beside: where the materials and textures that it names are found.

    Raises:
        BadMesh: if it or one of its textures cannot be read, or it holds no geometry.
    """
    kind = suffix.lstrip(".").lower()
    if kind == "off":
        data = _whole_off(data)
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, resolver=beside, process=False)
        _decode_textures(scene)
    except Exception as error:  # any reader's complaint is a reason to set this mesh aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    if not scene.geometry:
        raise BadMesh("no faces")
    return scene


def _decode_textures(scene: trimesh.Scene) -> None:
    """Read pixels now: Pillow puts it off, and a torn image would only fail in a later stage."""
    for geometry in scene.geometry.values():
        material = getattr(geometry.visual, "material", None)
        for name in TEXTURES:
            image = getattr(material, name, None)
            if isinstance(image, Image.Image):
                image.load()


def _whole_off(data: bytes) -> bytes:
    """An OFF file without its comments: the reader may lose what follows one.

    Raises:
        BadMesh: if there are fewer lines than the header counts, which the reader takes for a smaller mesh.
    """
    data = re.sub(rb"#.*", b"", data)
    header = re.match(rb"\s*C?OFF\s*(\d+)\s+(\d+)", data)
    if not header:
        raise BadMesh("not an OFF file: it does not begin with OFF and two counts")
    lines = sum(1 for line in data[header.end() :].splitlines()[1:] if line.strip())
    if lines < int(header[1]) + int(header[2]):
        raise BadMesh(f"ends early: {lines} of {int(header[1]) + int(header[2])} vertices and faces")
    return data
