"""The point store of a data set: its arrays, and filling its shards."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from crossjepa.data.dataset import Dataset
from crossjepa.data.gather import gather
from crossjepa.data.guard import Guarded, Limits
from crossjepa.data.sample import MOST_SHOWN, sample_mesh, thin_cloud
from crossjepa.data.table import OK
from crossjepa.store.bundle import Arrays
from crossjepa.store.sharded import ArraySpec, read_layout, write_shard


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
    table = pd.read_parquet(path, columns=["status", "points"])
    usable = table.loc[table["status"] == OK, "points"]
    if usable.empty or (usable == 0).any():
        return wanted
    return min(wanted, max(int(usable.max()), MOST_SHOWN))


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
        seed: seeds the sampling of each mesh, so that equal meshes get equal clouds, whatever their ids.
        limits: of reading and sampling one object.
    """
    mine = [ids[position] for position in read_layout(store).positions(shard)]

    def sample(object_id: str) -> Arrays:
        if (cloud := dataset.cloud(object_id)) is not None:
            return vars(thin_cloud(cloud.points, points))
        return vars(sample_mesh(dataset.load(object_id), points, seed))

    with Guarded(sample, limits) as guarded:
        arrays, set_aside = gather(guarded, mine, point_arrays(points), f"sample shard {shard}")
    write_shard(store, shard, mine, arrays, set_aside)
