"""`crossjepa features …`"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from crossjepa.config import FeaturesConfig, read_settings
from crossjepa.features.extract import Selection, encode_with, in_every_regime, kept_clouds
from crossjepa.features.geometry import geometry_features
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.artifact import load_encoder
from crossjepa.store.bundle import write_bundle

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
    threads: Annotated[int, typer.Option(help="Processor threads.")] = 1,
) -> None:
    """Write the tokens' maximum beside their mean for every cloud, in every pose regime."""
    torch.set_num_threads(threads)
    chosen = read_settings(FeaturesConfig, "features", settings)
    model, provenance = load_encoder(encoder)
    ids, clouds = kept_clouds(points, selection, cloud_points)
    attributes: dict[str, Any] = {
        "ids": ids,
        "encoder": {
            "parameters": parameters(model),
            "config": asdict(model.config),
            "seed": provenance["seed"],
        },
        "pretraining": provenance if "dataset" in provenance else {},
    }
    write_bundle(output, in_every_regime(clouds, ids, chosen.turn_seed, encode_with(model)), attributes)


@app.command("geometry")
def geometry_command(settings: Settings, points: Store, cloud_points: Points, output: Output) -> None:
    """Write plain geometric descriptors: the baseline that needs no learning at all."""
    chosen = read_settings(FeaturesConfig, "features", settings)
    ids, clouds = kept_clouds(points, "farthest", cloud_points)
    described = in_every_regime(clouds, ids, chosen.turn_seed, lambda batch: geometry_features(batch.numpy()))
    write_bundle(output, described, {"ids": ids, "encoder": {}, "pretraining": {}})
