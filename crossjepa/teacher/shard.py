"""Embedding the views of one shard of a target store."""

from pathlib import Path

from crossjepa.progress import bar
from crossjepa.store.bundle import read_bundle
from crossjepa.store.sharded import write_shard
from crossjepa.teacher.embed import Teacher


def embed_shard(teacher: Teacher, views: Path, store: Path, shard: int) -> None:
    """Embed one shard's rendered views and write it into the target store.

    Args:
        teacher: the frozen teacher.
        views: the bundle that `render views` wrote.
        store: the target store, laid out already.
        shard: which shard.
    """
    arrays, attributes = read_bundle(views)
    images = arrays.pop("views")
    flat = images.reshape(-1, *images.shape[2:])
    with bar(len(flat), f"embed shard {shard}", "image") as progress:
        embedding = teacher.embed(flat, progress.update)
    arrays["embedding"] = embedding.reshape(*images.shape[:2], teacher.width)
    write_shard(store, shard, attributes["ids"], arrays, attributes["set_aside"])
