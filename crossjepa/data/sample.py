"""Point clouds sampled from the surfaces of meshes, or thinned from those that a data set ships."""

from dataclasses import dataclass

import fpsample
import numpy as np
from numpy.typing import NDArray

from crossjepa.data.normalise import surface, unit_sphere
from crossjepa.mesh.mesh import Mesh

MOST_SHOWN = 2048  # points; the most that any probe protocol gives an encoder


@dataclass(frozen=True)
class SampledCloud:
    """What a point store holds for an object, with P points, +Y up.

    Attributes:
        xyz: (P, 3) float32. The first 2048 are in farthest-point order, so that the first n are a
            farthest-point sample of the cloud. Points of a mesh are in the frame of the cameras (see
            `unit_sphere`): the area-weighted centroid of the surface at the origin, the farthest vertex at
            distance 1. A cloud that the data set ships has its mean at the origin and its farthest point at
            distance 1.
        first: (min(P, 2048), 3) float32: the first points of the data set's file, unchanged but for
            coordinates too large for float32, which are about their mean (see `to_single`). For a mesh,
            random ones of `xyz`.
    """

    xyz: NDArray[np.float32]
    first: NDArray[np.float32]


def sample_mesh(mesh: Mesh, points: int, seed: int, ordered: int = MOST_SHOWN) -> SampledCloud:
    """Sample a surface evenly by area.

    Args:
        mesh: with at least one face of positive area; +Y up.
        points: how many.
        seed: seeds the sampling.
        ordered: how many of the first points to put in farthest-point order.
    """
    from trimesh.sample import sample_surface

    rng = np.random.default_rng(seed)
    surfaces = [each for each in map(surface, mesh.parts) if each.area > 0]
    areas = np.array([each.area for each in surfaces])
    counts = rng.multinomial(points, areas / areas.sum())
    sampled = [(each, count) for each, count in zip(surfaces, counts, strict=True) if count]
    parts = [sample_surface(each, count, seed=rng)[0] for each, count in sampled]
    frame = unit_sphere(mesh)
    xyz = np.concatenate(parts) @ frame[:3, :3].T + frame[:3, 3]
    order = farthest_first(centred(xyz), ordered)
    first = xyz[rng.permutation(points)[:MOST_SHOWN]]
    return SampledCloud(xyz[order].astype(np.float32), first.astype(np.float32))


def thin_cloud(xyz: NDArray[np.float32], points: int) -> SampledCloud:
    """Thin a data set's own cloud to its farthest points; points of a smaller cloud are repeated.

    Args:
        xyz: (N, 3) float32, finite, not all points the same.
        points: how many to keep.
    """
    first = np.resize(np.arange(len(xyz)), min(points, MOST_SHOWN))
    return SampledCloud(centred(xyz[farthest_rows(xyz, points)]), xyz[first])


def farthest_rows(xyz: NDArray[np.float32], points: int) -> NDArray[np.int64]:
    """The rows of a cloud's farthest points, repeated where it has fewer."""
    return np.resize(farthest_first(centred(xyz)), points)


def farthest_first(xyz: NDArray[np.float32], ordered: int = MOST_SHOWN) -> NDArray[np.int64]:
    """Order of (P, 3) points: the first `ordered` in farthest-point order, then the others.

    Source: Eldar et al. 1997, doi 10.1109/83.623193; begins with the point farthest from the centroid.
    """
    start = int(np.linalg.norm(xyz - xyz.mean(axis=0), axis=1).argmax())
    # The exact sampler: the package's faster, bucketed ones do not begin with the given point.
    first = fpsample.fps_sampling(xyz, min(ordered, len(xyz)), start_idx=start).astype(np.int64)
    return np.concatenate([first, np.setdiff1d(np.arange(len(xyz)), first)])


def centred(xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """(P, 3) points with their mean at the origin and the farthest at distance 1."""
    centred = xyz - xyz.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=1).max()).astype(np.float32)
