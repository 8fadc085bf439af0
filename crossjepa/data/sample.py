"""Point clouds from the surfaces of meshes, or from the points that a data set comes with."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fpsample
import numpy as np
import trimesh
from numpy.typing import NDArray

from crossjepa.data.dataset import Cloud, Dataset, reason
from crossjepa.data.normalise import unit_sphere
from crossjepa.data.table import SHOWN
from crossjepa.errors import UserError
from crossjepa.progress import track
from crossjepa.store.sharded import ArraySpec, read_layout, write_shard

GREY = 128


@dataclass(frozen=True)
class SampledCloud:
    """What a point store holds of an object; P points.

    Attributes:
        xyz: (P, 3) float32, mean at the origin, farthest point at distance 1, +Y up. The first 2048 are in
            farthest-point order, so that any shorter beginning is a farthest-point sample of the cloud.
        normal: (P, 3) float16 unit normals; zero where the data set's points have none.
        colour: (P, 3) uint8 colours; grey where the data set's points have none.
        first: (min(P, 2048), 3) float32: the file's first points as they are. Of a mesh, which has none,
            random ones of the sample, in the unit sphere around the surface's centroid.
    """

    xyz: NDArray[np.float32]
    normal: NDArray[np.float16]
    colour: NDArray[np.uint8]
    first: NDArray[np.float32]


def point_arrays(points: int) -> dict[str, ArraySpec]:
    """Arrays of a point store with `points` points an object."""
    return {
        "xyz": ArraySpec((points, 3), "float32"),
        "normal": ArraySpec((points, 3), "float16"),
        "colour": ArraySpec((points, 3), "uint8"),
        "first": ArraySpec((min(points, SHOWN), 3), "float32"),
    }


def sample_mesh(scene: trimesh.Scene, points: int, seed: int) -> SampledCloud:
    """Sample a surface evenly by area.

    Args:
        scene: with at least one face of positive area; +Y up.
        points: how many.
        seed: seeds the sampling.
    """
    transform = unit_sphere(scene)
    rng = np.random.default_rng(seed)
    meshes = [mesh for mesh in scene.dump() if isinstance(mesh, trimesh.Trimesh) and mesh.area > 0]
    areas = np.array([mesh.area for mesh in meshes])
    counts = rng.multinomial(points, areas / areas.sum())
    parts = [_sample_part(mesh, count, rng) for mesh, count in zip(meshes, counts, strict=True) if count]
    raw, normal, colour = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    raw = trimesh.transform_points(raw, transform)
    xyz = _centred(raw)
    order = farthest_first(xyz)
    first = raw[rng.permutation(points)[:SHOWN]].astype(np.float32)
    return SampledCloud(xyz[order], normal[order].astype(np.float16), colour[order], first)


def thin_cloud(cloud: Cloud, points: int) -> SampledCloud:
    """Thin a data set's own cloud to its farthest points; points of a smaller one are repeated.

    Args:
        cloud: finite, not all points the same.
        points: how many to keep.
    """
    order = np.resize(farthest_first(_centred(cloud.xyz)), points)
    normal = np.zeros_like(cloud.xyz) if cloud.normal is None else cloud.normal
    first = np.resize(np.arange(len(cloud.xyz)), min(points, SHOWN))
    return SampledCloud(
        xyz=_centred(cloud.xyz[order]),
        normal=normal[order].astype(np.float16),
        colour=np.full((points, 3), GREY, np.uint8),
        first=cloud.xyz[first],
    )


def farthest_first(xyz: NDArray[np.float32]) -> NDArray[np.int64]:
    """Order of (P, 3) points: farthest-point order for the first 2048, the others behind them.

    Source: Eldar et al. 1997, doi 10.1109/83.623193; begins with the point farthest from the centroid.
    """
    start = int(np.linalg.norm(xyz - xyz.mean(axis=0), axis=1).argmax())
    count = min(SHOWN, len(xyz))
    # The exact sampler: the package's faster, bucketed ones return their points in another order.
    first = fpsample.fps_sampling(xyz, count, start_idx=start).astype(np.int64)
    others = np.setdiff1d(np.arange(len(xyz)), first)
    return np.concatenate([first, others])


def write_points(
    dataset: Dataset, ids: Sequence[str], store: Path, shard: int, points: int, seed: int
) -> None:
    """Sample one shard of a point store; objects that cannot be sampled are set aside.

    Args:
        dataset: where to load meshes or clouds from.
        ids: ids of the whole store, in order.
        store: the laid out store.
        shard: which shard.
        points: points an object.
        seed: seeds the sampling, together with each object's id.
    """
    mine = [ids[position] for position in read_layout(store).positions(shard)]
    arrays = {name: np.zeros((len(mine), *a.shape), a.dtype) for name, a in point_arrays(points).items()}
    set_aside = {}
    for row, object_id in enumerate(track(mine, len(mine), f"sample shard {shard}", "object")):
        own_seed = int.from_bytes(hashlib.sha256(f"{seed}:{object_id}".encode()).digest()[:8])
        try:
            cloud = dataset.cloud(object_id)
            if cloud is not None:
                sampled = thin_cloud(cloud, points)
            else:
                sampled = sample_mesh(dataset.load(object_id), points, own_seed)
        except UserError:
            raise
        except Exception as error:
            set_aside[object_id] = reason(error)
            continue
        for name, values in vars(sampled).items():
            arrays[name][row] = values
    write_shard(store, shard, mine, arrays, set_aside)


def _centred(xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """(P, 3) points, mean at the origin, farthest at distance 1."""
    centred = xyz - xyz.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=1).max()).astype(np.float32)


def _sample_part(
    mesh: trimesh.Trimesh, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
    xyz, faces, weights = trimesh.sample.sample_surface(mesh, count, return_barycentric=True, seed=rng)
    return np.asarray(xyz), mesh.face_normals[faces], _colours(mesh, faces, weights)


def _colours(
    mesh: trimesh.Trimesh, faces: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """(N, 3) colours at barycentric `weights` (N, 3) of `faces` (N,): from the texture where there is one."""
    visual = mesh.visual
    if visual.kind != "texture":
        return np.asarray(visual.face_colors)[faces, :3].astype(np.uint8)
    image = getattr(visual.material, "image", None) or getattr(visual.material, "baseColorTexture", None)
    if image is None or visual.uv is None:
        return np.tile(np.asarray(visual.material.main_color)[:3].astype(np.uint8), (len(faces), 1))
    uv = np.einsum("nk,nkd->nd", weights, visual.uv[mesh.faces[faces]])
    return np.asarray(trimesh.visual.color.uv_to_color(uv, image))[:, :3].astype(np.uint8)
