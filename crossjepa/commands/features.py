"""`crossjepa features …`"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from crossjepa.artifact import load_encoder, load_imagination
from crossjepa.commands.options import Settings
from crossjepa.devices import find_device
from crossjepa.features.extract import describe_with, extract, read_clouds
from crossjepa.features.geometry import geometry_features
from crossjepa.features.retrieve import draw_galleries, view_distances
from crossjepa.features.settings import FeaturesSettings
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.sizes import random_encoder
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.probe.settings import BenchmarkSettings
from crossjepa.settings import read_section
from crossjepa.store.bundle import write_bundle
from crossjepa.store.points import read_points
from crossjepa.store.seal import read_manifest

app = typer.Typer(no_args_is_help=True)

Points = Annotated[Path, typer.Option(help="A sealed point store.")]
Cloud = Annotated[str, typer.Option(help="farthest:N points, normalised, or the file's first:N, as stored.")]
Output = Annotated[Path, typer.Option(help="The zip to write.")]


@app.command("extract")
def extract_command(
    settings: Settings,
    points: Points,
    cloud: Cloud,
    encoder: Annotated[Path, typer.Option(help="The encoder's file.")],
    output: Output,
    predictor: Annotated[Path | None, typer.Option(help="Its predictor's file, to imagine views.")] = None,
) -> None:
    """Write pooled tokens, and embeddings imagined from them, of every cloud in every regime."""
    chosen = read_section(FeaturesSettings, "features", settings)
    ids, clouds = read_clouds(points, cloud)
    model, provenance = load_encoder(encoder)
    device = find_device()
    describe = describe_with([model], load_imagination(predictor) if predictor else None, device)
    (described,) = extract(clouds, ids, chosen.turn_seed, describe, device.type)
    origin = _origin(model, provenance["seed"])
    write_bundle(output, described, {"ids": ids, "encoder": origin, "pretraining": provenance})


@app.command("random")
def random_command(
    settings: Settings,
    points: Points,
    cloud: Cloud,
    output: Annotated[Path, typer.Option(help="Folder for a zip of each encoder, named by its seed.")],
) -> None:
    """Write pooled tokens of encoders with random weights: the baseline that pretraining must beat."""
    chosen = read_section(FeaturesSettings, "features", settings)
    size = read_section(PretrainSettings, "pretrain", settings).model
    ids, clouds = read_clouds(points, cloud)
    encoders, device = [random_encoder(size, seed) for seed in range(chosen.random_encoders)], find_device()
    described = extract(clouds, ids, chosen.turn_seed, describe_with(encoders, None, device), device.type)
    for seed, (encoder, features) in enumerate(zip(encoders, described, strict=True)):
        origin = {"ids": ids, "encoder": _origin(encoder, seed), "pretraining": {}}
        write_bundle(output / f"{seed}.zip", features, origin)


@app.command("geometry")
def geometry_command(settings: Settings, points: Points, cloud: Cloud, output: Output) -> None:
    """Write plain geometric descriptors of every cloud: the baseline without learning."""
    seed = read_section(FeaturesSettings, "features", settings).turn_seed
    ids, clouds = read_clouds(points, cloud)
    (described,) = extract(clouds, ids, seed, lambda batch: [{"tokens": geometry_features(batch.numpy())}])
    write_bundle(output, described, {"ids": ids, "encoder": {}, "pretraining": {}})


@app.command("retrieve")
def retrieve_command(
    settings: Settings,
    catalog: Annotated[Path, typer.Option(help="Catalog that the encoder was pretrained with.")],
    points: Points,
    targets: Annotated[Path, typer.Option(help="The data set's sealed target store.")],
    encoder: Annotated[Path, typer.Option(help="Folder with the encoder and its predictor.")],
    output: Output,
) -> None:
    """Write the distance of each view's embedding from the one predicted for each object of a gallery.

    One gallery holds objects that pretraining held out, the other as many that it was trained on.
    """
    size, device = read_section(BenchmarkSettings, "benchmark", settings).gallery, find_device()
    model, provenance = load_encoder(encoder / "encoder.safetensors")
    imagination = load_imagination(encoder / "predictor.safetensors")
    rows = read_manifest(points).rows
    galleries, distances = draw_galleries(catalog, targets, rows, size), {}
    for name, drawn in galleries.items():
        chosen = [rows[object_id] for object_id in drawn]
        clouds = torch.from_numpy(read_points(points, "xyz", provenance["settings"]["points"], chosen))
        distances[name] = view_distances(model, imagination, clouds, drawn, targets, device)
    write_bundle(output, distances, {"ids": galleries})


def _origin(encoder: PointEncoder, seed: int) -> dict[str, Any]:
    return {"parameters": parameters(encoder), "config": asdict(encoder.config), "seed": seed}
