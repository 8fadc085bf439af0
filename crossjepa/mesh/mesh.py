"""What the project needs of a mesh: triangles in one frame, and their base colours."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Wrap = Literal["repeat", "clamp", "mirror"]
Axis = Literal["x", "y", "z"]


@dataclass(frozen=True, eq=False)
class Texture:
    """An image that is laid over triangles.

    Attributes:
        image: (H, W, 4) uint8 sRGB with alpha, rows from the top.
        uv: (V, 2) float coordinates of the part's vertices; (0, 0) is the image's lower left corner.
        wrap: what coordinates outside of 0..1 show, along u and along v.
    """

    image: NDArray[np.uint8]
    uv: NDArray[np.float64]
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")


@dataclass(frozen=True, eq=False)
class Part:
    """Triangles with one material. Its colour is factor x texture x colours, in linear light.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int64 rows of `vertices`.
        factor: (4,) float linear red, green, blue and alpha, in 0..1.
        texture: the image of the base colour, or None.
        vertex_colours: (V, 4) float linear, in 0..1, or None.
        face_colours: (F, 4) float linear, in 0..1, or None.
        normals: (V, 3) float unit normals that the file gives, or None.
        alpha: `opaque` ignores alpha, `mask` cuts where it is below `cutoff`, `blend` is see-through.
        cutoff: of `mask`.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    factor: NDArray[np.float64]
    texture: Texture | None = None
    vertex_colours: NDArray[np.float64] | None = None
    face_colours: NDArray[np.float64] | None = None
    normals: NDArray[np.float64] | None = None
    alpha: Literal["opaque", "mask", "blend"] = "opaque"
    cutoff: float = 0.5


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh, in the frame and units of its file.

    Attributes:
        parts: each with at least one triangle, in the file's order.
        up: the axis that the file says points up, or None if it does not say.
        warnings: what could not be read although the shape is whole, such as a missing texture.
    """

    parts: tuple[Part, ...]
    up: Axis | None = None
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of triangles."""
        return sum(len(part.faces) for part in self.parts)

    @property
    def triangles(self) -> NDArray[np.float64]:
        """(F, 3, 3) corners of all triangles, one part after another."""
        return np.concatenate([part.vertices[part.faces] for part in self.parts])

    def transformed(self, matrix: NDArray[np.float64]) -> "Mesh":
        """The mesh in another frame.

        Args:
            matrix: (4, 4) affine transform.
        """
        return replace(self, parts=tuple(transform(part, matrix) for part in self.parts))


def transform(part: Part, matrix: NDArray[np.float64]) -> Part:
    """A part under a (4, 4) affine transform; its normals stay perpendicular to the surface."""
    normals = part.normals
    if normals is not None:
        turned = normals @ np.linalg.inv(matrix[:3, :3])
        normals = turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-30)
    return replace(part, vertices=part.vertices @ matrix[:3, :3].T + matrix[:3, 3], normals=normals)


def to_linear(srgb: NDArray[np.generic]) -> NDArray[np.float64]:
    """Colours (..., 3 or 4) in sRGB 0..1 as linear light; alpha stays (IEC 61966-2-1)."""
    value = np.array(srgb, dtype=np.float64)
    rgb = value[..., :3]
    value[..., :3] = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return value
