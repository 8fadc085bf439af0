"""Reading a mesh file, whatever its format."""

from collections.abc import Callable

from crossjepa.errors import BadMesh
from crossjepa.mesh.dae import read_dae
from crossjepa.mesh.gltf import read_gltf
from crossjepa.mesh.mesh import Mesh
from crossjepa.mesh.obj import read_obj
from crossjepa.mesh.off import read_off
from crossjepa.mesh.ply import read_ply
from crossjepa.mesh.resources import Resources
from crossjepa.mesh.stl import read_stl
from crossjepa.mesh.threemf import read_threemf

MOST_WARNINGS = 20  # of one mesh; a file could name any number of textures that are not there

READERS: dict[str, Callable[[bytes, Resources], Mesh]] = {
    "3mf": read_threemf,
    "dae": read_dae,
    "glb": read_gltf,
    "gltf": read_gltf,
    "obj": read_obj,
    "off": read_off,
    "ply": read_ply,
    "stl": read_stl,
}


def read_mesh(data: bytes, suffix: str, read: Callable[[str], bytes]) -> Mesh:
    """Read a mesh with its base colours, in the frame and units of the file.

    Args:
        data: the file's bytes.
        suffix: of the file's name; gives the format.
        read: gives the bytes of a file that the mesh refers to, or raises an OSError.

    Raises:
        BadMesh: if it cannot be read as its format's specification says, or holds no triangle.
    """
    if not data.strip():
        raise BadMesh("the file is empty")
    resources = Resources(read)
    try:
        mesh = READERS[suffix.lstrip(".").lower()](data, resources)
    except BadMesh:
        raise
    except Exception as error:  # a damaged file breaks its reader in any way; it sets only this mesh aside
        raise BadMesh(f"cannot be read: {type(error).__name__}: {error}") from error
    if not mesh.count:
        raise BadMesh("no faces")
    warnings = [*mesh.warnings, *dict.fromkeys(resources.warnings)]
    more = [f"and {len(warnings) - MOST_WARNINGS} more"] if len(warnings) > MOST_WARNINGS else []
    return Mesh(mesh.parts, mesh.up, (*warnings[:MOST_WARNINGS], *more))
