"""The rendered views of 3D-R2N2 (Choy et al. 2016, arXiv:1604.00449): 24 of each ShapeNet model, 137 pixels.

`ShapeNetRendering/<synset>/<model>/rendering/` holds `00.png` ..., their names in `renderings.txt`, and
`rendering_metadata.txt` with a line for each view: azimuth, elevation and in-plane rotation in degrees,
distance ratio, field of view (https://github.com/chrischoy/3D-R2N2/issues/12).

For a model whose bounding box has a diagonal of 1, the camera stands at
1.75 ratio (cos(el) cos(az), sin(el), cos(el) sin(az)), in the model's frame, +Y up. Pixel2Mesh
(arXiv:1804.01654) and, independently, Mesh R-CNN (arXiv:1906.02739) derive the same. The renderer first
turned the camera by minus the in-plane rotation about the axis from the object to it; in the release this
rotation is always 0.

The views are of ShapeNetCore.v1. Some models of v2 are rotated about the up axis in comparison: used with
meshes or clouds of v2, the azimuths of their views are off by that angle.
"""

import re
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossjepa.data.dataset import ViewFile
from crossjepa.data.files import Files
from crossjepa.errors import BadMesh, UserError

FARTHEST = 1.75  # the camera's distance at ratio 1, in diagonals of the bounding box
RADIUS = 0.5  # of the sphere around a bounding box with diagonal 1


class Renderings:
    """A folder or zip `ShapeNetRendering`, or its parent."""

    def __init__(self, path: Path) -> None:
        self.files = Files(path)

    def views(self, synset: str, model: str) -> list[ViewFile]:
        """All views of a model, in the order of `renderings.txt`.

        Raises:
            BadMesh: if one is missing, or there are not as many cameras as images.
            UserError: if there are no renderings at all.
        """
        folder = f"{self._root}{synset}/{model}/rendering/"
        names = self.files.read(f"{folder}renderings.txt").decode().split()
        cameras = _cameras(self.files.read(f"{folder}rendering_metadata.txt"))
        if len(names) != len(cameras) or not names:
            raise BadMesh(f"views: {len(names)} in renderings.txt, {len(cameras)} in rendering_metadata.txt")
        azimuth, elevation, turn = np.radians(cameras[:, :3]).T
        poses = np.stack([np.pi / 2 - azimuth, elevation, -turn, FARTHEST / RADIUS * cameras[:, 3]], axis=1)
        pairs = zip(names, poses.tolist(), strict=True)
        return [ViewFile(self.files.read(folder + name), *pose) for name, pose in pairs]

    @cached_property
    def _root(self) -> str:
        if self.files.path.is_dir():  # not listed: the release has more than a million files
            return "ShapeNetRendering/" if (self.files.path / "ShapeNetRendering").is_dir() else ""
        inside = (re.match(r"((?:.*/)?)\d{8}/[^/]+/rendering/", name) for name in self.files.names)
        root = next((match[1] for match in inside if match), None)
        if root is None:
            raise UserError(f"{self.files.path}: holds no <synset>/<model>/rendering/; set `views` to it")
        return root


def _cameras(text: bytes) -> NDArray[np.float64]:
    """(V, 5) float64: azimuth, elevation, in-plane rotation in degrees, distance ratio, field of view."""
    try:
        cameras = np.array([line.split() for line in text.splitlines() if line.strip()], float)
    except ValueError as error:
        raise BadMesh(f"rendering_metadata.txt cannot be read: {error}") from error
    if cameras.shape[1:] != (5,) or not np.isfinite(cameras).all():
        raise BadMesh("rendering_metadata.txt does not hold five finite numbers a line")
    return cameras
