"""Point clouds sampled from the surfaces of meshes, or thinned from those that a data set ships."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fpsample
import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.data.dataset import Dataset, gather
from crossjepa.data.guard import Guarded, Limits
from crossjepa.data.normalise import surface, unit_sphere
from crossjepa.data.table import OK, read_meshes
from crossjepa.mesh.mesh import Mesh
from crossjepa.store.bundle import Arrays
from crossjepa.store.sharded import ArraySpec, read_layout, write_shard

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


def point_arrays(points: int) -> dict[str, ArraySpec]:
    """The arrays of a point store with `points` points for each object."""
    shown = min(points, MOST_SHOWN)
    return {"xyz": ArraySpec((points, 3), "float32"), "first": ArraySpec((shown, 3), "float32")}


def stored_points(path: Path, wanted: int) -> int:
    """How many points a point store holds for each object: `wanted`, or fewer if all clouds are smaller.

    It holds at least the 2048 that an encoder may be given; points of smaller clouds are repeated.

    Args:
        path: the mesh table.
        wanted: points to sample from a mesh.
    """
    table = read_meshes(path)
    usable = table.loc[table["status"] == OK, "points"]
    if usable.empty or (usable == 0).any():
        return wanted
    return min(wanted, max(int(usable.max()), MOST_SHOWN))


def sample_mesh(mesh: Mesh, points: int, seed: int) -> SampledCloud:
    """Sample a surface evenly by area.

    Args:
        mesh: with at least one face of positive area; +Y up.
        points: how many.
        seed: seeds the sampling.
    """
    rng = np.random.default_rng(seed)
    surfaces = [each for each in map(surface, mesh.parts) if each.area > 0]
    areas = np.array([each.area for each in surfaces])
    counts = rng.multinomial(points, areas / areas.sum())
    sampled = [(each, count) for each, count in zip(surfaces, counts, strict=True) if count]
    parts = [trimesh.sample.sample_surface(each, count, seed=rng)[0] for each, count in sampled]
    xyz = trimesh.transform_points(np.concatenate(parts), unit_sphere(mesh))
    order = farthest_first(_centred(xyz))
    first = xyz[rng.permutation(points)[:MOST_SHOWN]]
    return SampledCloud(xyz[order].astype(np.float32), first.astype(np.float32))


def thin_cloud(xyz: NDArray[np.float32], points: int) -> SampledCloud:
    """Thin a data set's own cloud to its farthest points; points of a smaller cloud are repeated.

    Args:
        xyz: (N, 3) float32, finite, not all points the same.
        points: how many to keep.
    """
    order = np.resize(farthest_first(_centred(xyz)), points)
    first = np.resize(np.arange(len(xyz)), min(points, MOST_SHOWN))
    return SampledCloud(_centred(xyz[order]), xyz[first])


def farthest_first(xyz: NDArray[np.float32]) -> NDArray[np.int64]:
    """Order of (P, 3) points: the first 2048 in farthest-point order, then the others.

    Source: Eldar et al. 1997, doi 10.1109/83.623193; begins with the point farthest from the centroid.
    """
    start = int(np.linalg.norm(xyz - xyz.mean(axis=0), axis=1).argmax())
    # The exact sampler: the package's faster, bucketed ones return their points in another order.
    first = fpsample.fps_sampling(xyz, min(MOST_SHOWN, len(xyz)), start_idx=start).astype(np.int64)
    return np.concatenate([first, np.setdiff1d(np.arange(len(xyz)), first)])


def write_points(
    dataset: Dataset, ids: Sequence[str], store: Path, shard: int, points: int, seed: int, limits: Limits
) -> None:
    """Sample one shard of a point store; objects that cannot be sampled are set aside.

    Args:
        dataset: gives the meshes or clouds.
        ids: ids of the whole store, in order.
        store: the store's folder, laid out.
        shard: which shard.
        points: points for each object.
        seed: seeds the sampling, together with each object's id.
        limits: of reading and sampling one object.
    """
    mine = [ids[position] for position in read_layout(store).positions(shard)]

    def sample(object_id: str) -> Arrays:
        if (cloud := dataset.cloud(object_id)) is not None:
            return vars(thin_cloud(cloud.points, points))
        object_seed = int.from_bytes(hashlib.sha256(f"{seed}:{object_id}".encode()).digest()[:8])
        return vars(sample_mesh(dataset.load(object_id), points, object_seed))

    with Guarded(sample, limits) as guarded:
        arrays, set_aside = gather(guarded, mine, point_arrays(points), f"sample shard {shard}")
    write_shard(store, shard, mine, arrays, set_aside)


def _centred(xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """(P, 3) points with their mean at the origin and the farthest at distance 1."""
    centred = xyz - xyz.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=1).max()).astype(np.float32)
