"""Share of the variance of unseen objects' views that trained networks explain, by two measures.

    python bench/explained.py --catalog results/data/…/catalog.parquet --points results/points/…
        --targets results/targets/… results/ablations/encoders/trained*

The training log's measure gives every dimension of the teacher's embeddings equal weight. The other measure
weights each dimension by its variance, which does not favour encoders trained on standardised targets.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer

from crossjepa.artifact import load_encoder, load_imagination
from crossjepa.pretrain.examples import Stores, load_examples

BATCH = 32


@torch.inference_mode()
def main(
    encoders: Annotated[list[Path], typer.Argument(help="Folders with an encoder and its predictor.")],
    catalog: Annotated[Path, typer.Option(help="Catalog with the split that they were trained on.")],
    points: Annotated[Path, typer.Option(help="The data set's sealed point store.")],
    targets: Annotated[Path, typer.Option(help="Its sealed target store.")],
    cloud_points: Annotated[int, typer.Option(help="pretrain.points of the encoders.")] = 1024,
) -> None:
    """Print a line for each encoder."""
    stores = Stores(catalog, points, targets)
    unseen = load_examples([stores], cloud_points, splits=("test",), standardise=False)
    truth = unseen.targets(unseen.views)
    mean, spread = truth.mean((0, 1)), truth.std((0, 1))
    for folder in encoders:
        encoder, _ = load_encoder(folder / "encoder.safetensors")
        imagination = load_imagination(folder / "predictor.safetensors")
        predicted = torch.cat(
            [
                imagination.predictor(encoder.tokens(clouds), unseen.pose[views], unseen.colour[views])
                for clouds, views in zip(unseen.clouds.split(BATCH), unseen.views.split(BATCH), strict=True)
            ]
        )
        missed = (predicted * imagination.std + imagination.mean - truth).square()
        whole = (truth - mean).square()
        equal = 1 - (missed / spread**2).sum() / (whole / spread**2).sum()
        by_variance = 1 - missed.sum() / whole.sum()
        print(f"{folder.name}: equal weights {equal:.4f}, by variance {by_variance:.4f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
