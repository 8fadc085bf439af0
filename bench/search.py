"""How well search finds the furniture objects that pretraining never saw, and how fast it is.

python bench/search.py --results results --encoder results/release

Needs the catalog and the archives of a finished run of the default data set. Queries are objects of the test
split; the index holds all objects. Prints for each kind of query how often its object is the first hit, or
among the first five, and what chance would give.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import trimesh
import typer
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

import crossjepa
from crossjepa.data.normalise import surface, unit_sphere
from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import FurnitureSource
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.photo import embed_photo
from crossjepa.progress import track
from crossjepa.render.cameras import place_cameras
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import RenderSettings
from crossjepa.search.index import Index, build_index
from crossjepa.search.search import distances, search, similarities
from crossjepa.search.turns import TURNS

WIDTH, HEIGHT = 480, 360  # pixels of a photo
Picture = NDArray[np.uint8]


def clutter(rng: np.random.Generator, photo: Picture) -> Picture:
    """A background: a piece of a landscape with houses, or overlapping discs (the dead leaves model)."""
    if rng.random() < 0.5:
        y, x = rng.integers(photo.shape[0] - HEIGHT), rng.integers(photo.shape[1] - WIDTH)
        return photo[y : y + HEIGHT, x : x + WIDTH].copy()
    picture = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for _ in range(250):
        y, x, radius = rng.uniform((0, 0, 8), (HEIGHT, WIDTH, 45))
        picture[np.hypot(rows - y, columns - x) < radius] = rng.integers(0, 256, 3)
    return picture


def texture(rng: np.random.Generator) -> Picture:
    """A background without objects: coloured noise at several scales, like gravel, grass or carpet."""
    total = np.full((HEIGHT, WIDTH, 3), rng.uniform(70, 180, 3))
    for size in (2, 4, 8, 40):
        grain = rng.normal(size=(HEIGHT // size + 1, WIDTH // size + 1))
        total += 14 * np.kron(grain, np.ones((size, size)))[:HEIGHT, :WIDTH, None] * rng.uniform(0.5, 1.5, 3)
    return np.clip(total, 0, 255).astype(np.uint8)


def place(view: Picture, mask: NDArray[np.bool_], background: Picture, rng: np.random.Generator) -> Picture:
    """Put an object at a random size and place on a background."""
    size = int(rng.uniform(0.55, 0.95) * HEIGHT)
    scaled = np.asarray(Image.fromarray(view).resize((size, size)), dtype=float)
    alpha = np.asarray(Image.fromarray(np.uint8(255) * mask).resize((size, size)))[..., None] / 255
    y, x = rng.integers(HEIGHT - size + 1), rng.integers(WIDTH - size + 1)
    part = background[y : y + size, x : x + size]
    background[y : y + size, x : x + size] = (1 - alpha) * part + alpha * scaled
    return background


def seconds(call: Callable[[], object]) -> float:
    """The shortest of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def objects(results: Path, folder: Path) -> tuple[list[str], set[str]]:
    """Write every usable object as a PLY; ids in the order of the files, and those of the test split."""
    catalog = pd.read_parquet(next(results.glob("data/*/catalog.parquet")))
    dataset = open_dataset(FurnitureSource(kind="furniture", path=str(results / "downloads/furniture")))
    usable = catalog[catalog["status"] == "ok"]
    for number, object_id in enumerate(track(usable["id"], len(usable), "write meshes", "object")):
        surface(dataset.load(object_id)).export(folder / f"{number:04d}.ply")
    return usable["id"].tolist(), set(usable.loc[usable["split"] == "test", "id"])


def rank(scores: NDArray[np.float32], row: int) -> int:
    """How many objects fit better than the right one; ties count as better."""
    return int((scores >= scores[row]).sum()) - 1


def changed_meshes(
    index: Index, encoder: Encoder, rows: list[int], rng: np.random.Generator
) -> dict[str, list[int]]:
    """Ranks of objects by their own mesh, and by a copy that is turned about up, scaled and cut finer."""
    ranks: dict[str, list[int]] = {"the mesh itself": [], "a turned, scaled, re-meshed copy": []}
    with tempfile.TemporaryDirectory() as folder:
        for row in track(rows, len(rows), "meshes", "query"):
            copy = trimesh.load(index.paths[row], force="mesh")
            angle = rng.uniform(0, 2 * np.pi)
            copy.apply_transform(trimesh.transformations.rotation_matrix(angle, (0, 1, 0)))
            copy.apply_scale(rng.uniform(0.1, 10))
            copy = copy.subdivide()
            copy.export(f"{folder}/copy.ply")
            for name, query in zip(ranks, (index.paths[row], f"{folder}/copy.ply"), strict=True):
                found = [hit.path for hit in search(index, encoder, query, len(index.paths)).hits]
                ranks[name].append(found.index(index.paths[row]))
    return ranks


def photos(
    index: Index, encoder: Encoder, results: Path, ids: list[str], rows: list[int], rng: np.random.Generator
) -> dict[str, list[int]]:
    """Ranks of objects by a rendered view on white, and by the same view on two kinds of background."""
    dataset = open_dataset(FurnitureSource(kind="furniture", path=str(results / "downloads/furniture")))
    settings, landscape = RenderSettings(), load_sample_images().images[0]
    renderer, poses = Renderer(settings), place_cameras(settings)
    ranks: dict[str, list[int]] = {
        "a rendered view": [],
        "the view on a textured background": [],
        "the view on a cluttered background": [],
    }
    for row in track(rows, len(rows), "photos", "query"):
        mesh = dataset.load(ids[row])
        views, masks = renderer.draw(mesh, unit_sphere(mesh), poses[[rng.integers(len(poses))]])
        backgrounds = (texture(rng), clutter(rng, landscape))
        pictures = [views[0], *(place(views[0], masks[0], each, rng) for each in backgrounds)]
        for name, picture in zip(ranks, pictures, strict=True):
            ranks[name].append(rank(-distances(index.imagined, embed_photo(picture, encoder)), row))
    return ranks


def compare(count: int, rng: np.random.Generator) -> tuple[float, float]:
    """Seconds to compare `count` objects with the turns of a mesh, and with a photo."""
    vectors = rng.standard_normal((count, 384), dtype=np.float32)
    turns = vectors[:1].repeat(TURNS, axis=0)
    return seconds(lambda: similarities(vectors, turns)), seconds(lambda: distances(vectors, vectors[0]))


def main(
    results: Annotated[Path, typer.Option(help="Results of a finished run of the default data set.")],
    encoder: Annotated[str | None, typer.Option(help="As for `crossjepa search`.")] = None,
    queries: Annotated[int, typer.Option(help="Objects of the test split to search for.")] = 130,
) -> None:
    """Print the two tables."""
    rng, loaded = np.random.default_rng(0), crossjepa.load(encoder)
    with tempfile.TemporaryDirectory() as folder:
        ids, unseen = objects(results, Path(folder))
        index, reasons = build_index(loaded, [Path(folder)], None, encoder)
        assert not reasons, reasons  # or rows of the index would not be those of `ids`
        rows = [row for row, object_id in enumerate(ids) if object_id in unseen][:queries]
        ranks = changed_meshes(index, loaded, rows, rng)
        ranks |= photos(index, loaded, results, ids, rows, rng)
    print(f"\n{len(rows)} queries, objects that pretraining never saw, in an index of {len(ids)}\n")
    print("| query | top 1, % | top 5, % |\n|---|---|---|")
    for name, found in ranks.items():
        print(f"| {name} | {100 * np.mean(np.less(found, 1)):.1f} | {100 * np.mean(np.less(found, 5)):.1f} |")
    print(f"| chance | {100 / len(ids):.1f} | {500 / len(ids):.1f} |\n")
    print("| objects | seconds to compare with the turns of a mesh | with a photo |\n|---|---|---|")
    for count in (1, 1000, 1_000_000):
        mesh, photo = compare(count, rng)
        print(f"| {count:,} | {mesh:.4f} | {photo:.4f} |")


if __name__ == "__main__":
    typer.run(main)
