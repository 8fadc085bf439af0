"""`crossjepa features …`"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from crossjepa.config import read_settings
from crossjepa.features.extract import Selection, describe_with, in_every_regime, kept_clouds
from crossjepa.features.geometry import geometry_features
from crossjepa.features.retrieve import draw_galleries, view_distances
from crossjepa.features.settings import FeaturesSettings
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.artifact import load_encoder, load_imagination
from crossjepa.store.bundle import Arrays, write_bundle

app = typer.Typer(no_args_is_help=True)

Settings = Annotated[str, typer.Option(help="A configuration file, or the `features` section as JSON.")]
Store = Annotated[Path, typer.Option(help="A sealed point store.")]
Points = Annotated[int, typer.Option(help="Points of a cloud that the encoder is shown.")]
Which = Annotated[Selection, typer.Option(help="The farthest points, or the file's first ones untouched.")]
Output = Annotated[Path, typer.Option(help="The bundle of features to write.")]


@app.callback()
def features() -> None:
    """Extract features with a frozen encoder."""


@app.command("extract")
def extract_command(
    settings: Settings,
    points: Store,
    selection: Which,
    cloud_points: Points,
    encoder: Annotated[Path, typer.Option(help="The encoder's weights.")],
    output: Output,
    predictor: Annotated[
        Path | None, typer.Option(help="The predictor trained with it, to imagine views with.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Processor threads.")] = 1,
) -> None:
    """Write pooled tokens, and what is imagined from them, for every cloud in every pose regime."""
    torch.set_num_threads(threads)
    chosen = read_settings(FeaturesSettings, "features", settings)
    model, provenance = load_encoder(encoder)
    ids, clouds = kept_clouds(points, selection, cloud_points)
    attributes: dict[str, Any] = {
        "ids": ids,
        "encoder": {
            "parameters": parameters(model),
            "config": asdict(model.config),
            "seed": provenance["seed"],
        },
        "pretraining": provenance if "datasets" in provenance else {},
    }
    describe = describe_with(model, load_imagination(predictor) if predictor else None, chosen.block)
    write_bundle(output, in_every_regime(clouds, ids, chosen.turn_seed, describe), attributes)


@app.command("geometry")
def geometry_command(settings: Settings, points: Store, cloud_points: Points, output: Output) -> None:
    """Write plain geometric descriptors: the baseline that needs no learning at all."""
    chosen = read_settings(FeaturesSettings, "features", settings)
    ids, clouds = kept_clouds(points, "farthest", cloud_points)

    def describe(batch: torch.Tensor) -> Arrays:
        return {"tokens": geometry_features(batch.numpy())}

    described = in_every_regime(clouds, ids, chosen.turn_seed, describe)
    write_bundle(output, described, {"ids": ids, "encoder": {}, "pretraining": {}})


@app.command("retrieve")
def retrieve_command(
    catalog: Annotated[Path, typer.Option(help="The catalog of the encoder's pretraining.")],
    points: Store,
    targets: Annotated[Path, typer.Option(help="Its sealed target store.")],
    objects: Annotated[int, typer.Option(help="Objects of each gallery, or as many as there are.")],
    cloud_points: Points,
    encoder: Annotated[Path, typer.Option(help="The encoder's weights.")],
    predictor: Annotated[Path, typer.Option(help="The predictor trained with it.")],
    output: Annotated[Path, typer.Option(help="The bundle of distances to write.")],
    threads: Annotated[int, typer.Option(help="Processor threads.")] = 1,
) -> None:
    """Write how far each view's embedding lies from the one that each object is imagined to give.

    Once among objects that the encoder did not see in pretraining, once among as many that it did.
    """
    torch.set_num_threads(threads)
    ids, clouds = kept_clouds(points, "farthest", cloud_points)
    galleries = draw_galleries(catalog, targets, ids, objects)
    (model, _), imagination = load_encoder(encoder), load_imagination(predictor)
    distances = {
        name: view_distances(model, imagination, clouds[[ids.index(i) for i in drawn]], drawn, targets)
        for name, drawn in galleries.items()
    }
    write_bundle(output, distances, {"ids": galleries})
