"""Reading one mesh file, whatever its format."""

import io
import re

import trimesh
from PIL import Image
from trimesh.resolvers import Resolver

from crossjepa.errors import BadMesh

_USES = ("baseColor", "metallicRoughness", "normal", "occlusion", "emissive")
TEXTURES = ("image", *(f"{use}Texture" for use in _USES))  # attributes of trimesh's materials


def read_scene(data: bytes, suffix: str, resolver: Resolver) -> trimesh.Scene:
    """Read a mesh with its materials, in the frame and units of the file.

    Args:
        data: the file's bytes.
        suffix: of the file's name; gives the format.
        resolver: finds the materials and textures that the file refers to.

    Raises:
        BadMesh: if the mesh or one of its textures cannot be read, or it holds no geometry.
    """
    kind = suffix.lstrip(".").lower()
    if kind == "off":
        data = _checked_off(data)
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, resolver=resolver, process=False)
        for geometry in scene.geometry.values():
            _decode_textures(getattr(geometry.visual, "material", None))
    except Exception as error:  # readers raise all kinds of errors; each sets this mesh aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    if not scene.geometry:
        raise BadMesh("no faces")
    return scene


def _decode_textures(material: object) -> None:
    """Decode images now: Pillow decodes lazily, and a damaged image would only fail in a later stage."""
    for texture in TEXTURES:
        if isinstance(image := getattr(material, texture, None), Image.Image):
            image.load()


def _checked_off(data: bytes) -> bytes:
    """An OFF file without comments, which trimesh may misread.

    Raises:
        BadMesh: if there are fewer lines than the header counts, which trimesh reads as a smaller mesh.
    """
    data = re.sub(rb"#.*", b"", data)
    header = re.match(rb"\s*C?OFF\s*(\d+)\s+(\d+)", data)
    if not header:
        raise BadMesh("not an OFF file: it does not begin with OFF and two counts")
    lines = sum(1 for line in data[header.end() :].splitlines()[1:] if line.strip())
    if lines < (wanted := int(header[1]) + int(header[2])):
        raise BadMesh(f"ends early: {lines} of {wanted} vertices and faces")
    return data
