"""`crossjepa probe …`"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

import crossjepa
from crossjepa.config import ProbeConfig, check, read_settings
from crossjepa.errors import UserError
from crossjepa.probe.evaluate import Answers, evaluate
from crossjepa.probe.features import Features, bundled_features, teacher_features
from crossjepa.probe.folds import possible_folds
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.provenance import checkout, packages, sha256, stage_seconds
from crossjepa.probe.result import (
    CrossValidation,
    Encoder,
    PerSeed,
    Pretraining,
    ProbeResult,
    Provenance,
    write_result,
)
from crossjepa.probe.summarise import confusion, fixed_scores, held_out_scores, per_class, summarise

app = typer.Typer(no_args_is_help=True)


class Origin(BaseModel):
    """What an encoder's bundle says of its pretraining."""

    dataset: str
    objects: int
    epochs: int
    seen_ids: list[str]
    device: str | None = None


@app.callback()
def probe() -> None:
    """Fit linear classifiers on frozen features."""


@app.command("linear")
def linear_command(
    settings: Annotated[str, typer.Option(help="A configuration file, or the `probe` section as JSON.")],
    dataset: Annotated[str, typer.Option(help="The data set's name.")],
    catalog: Annotated[Path, typer.Option(help="Its catalog.")],
    encoder: Annotated[list[Path], typer.Option(help="Features of a pretrained encoder; one a seed.")],
    random: Annotated[list[Path], typer.Option(help="Features of a random-weight encoder; repeatable.")],
    geometry: Annotated[Path, typer.Option(help="Geometric descriptors.")],
    points: Annotated[Path, typer.Option(help="The sealed point store.")],
    targets: Annotated[Path, typer.Option(help="The sealed target store.")],
    run_config: Annotated[Path, typer.Option(help="The whole run's configuration, to be hashed.")],
    output: Annotated[Path, typer.Option(help="The JSON to write.")],
    benchmarks: Annotated[list[str], typer.Option(help="STAGE=FOLDER of benchmark files; repeatable.")] = [],  # noqa: B006
    threads: Annotated[int, typer.Option(help="Processes that fit classifiers.", min=1)] = 1,
) -> None:
    """Probe encoders of every seed beside random weights, geometry, the teacher and the majority."""
    chosen = read_settings(ProbeConfig, "probe", settings)
    systems = {
        "encoder": [bundled_features(path) for path in encoder],
        "random_encoder": [bundled_features(path) for path in random],
        "geometry": [bundled_features(geometry)],
        "teacher_views": [teacher_features(targets)],
    }
    origins = _origins(systems["encoder"], systems["random_encoder"])
    everyone = [features for seeds in systems.values() for features in seeds]
    objects = labelled_objects(catalog, set.intersection(*(set(features.ids) for features in everyone)))
    rows = {system: [features.of(objects.ids) for features in seeds] for system, seeds in systems.items()}
    answers = evaluate(rows, objects, chosen, threads)
    scores = fixed_scores(answers, objects)
    bootstrap = chosen.bootstrap, chosen.seed
    accuracy, baselines, gains = summarise(scores, objects.groups[objects.test], *bootstrap)
    seen = {object_id for origin in origins for object_id in origin.seen_ids}
    first, described = origins[0], systems["encoder"][0].attributes["encoder"]
    result = ProbeResult(
        dataset=dataset,
        protocol=chosen.protocol,
        n_train=len(objects.train),
        n_test=len(objects.test),
        n_classes=len(objects.classes),
        n_left_out=objects.left_out,
        classes=objects.classes,
        seeds=[features.attributes["encoder"]["seed"] for features in systems["encoder"]],
        accuracy=accuracy,
        per_seed=PerSeed(**{regime: v.mean(axis=1).tolist() for regime, v in scores["encoder"].items()}),
        per_class=per_class(scores, objects),
        confusion=confusion(answers["encoder"]["canonical"].fixed, objects),
        chosen_C=PerSeed(**{regime: given.chosen_C for regime, given in answers["encoder"].items()}),
        baselines=baselines,
        gain_over_random=gains,
        cross_validation=_cross_validation(answers, objects, seen, chosen),
        encoder=Encoder(parameters=described["parameters"], config=described["config"]),
        pretraining=Pretraining(
            dataset=first.dataset,
            objects=first.objects,
            epochs=first.epochs,
            saw_test_objects=sum(objects.ids[row] in seen for row in objects.test),
        ),
        provenance=Provenance(
            git=checkout(Path(crossjepa.__file__).parent),
            config_hash=sha256(run_config),
            stores={
                "points": sha256(points / "manifest.json"),
                "targets": sha256(targets / "manifest.json"),
            },
            packages=packages(),
            device=first.device,
            seconds=stage_seconds(benchmarks),
        ),
    )
    write_result(output, result)
    gain = gains.canonical
    typer.echo(
        f"{dataset}: {accuracy.canonical.mean:.1f}% of {result.n_test} test objects; random weights "
        f"{baselines.random_encoder.canonical.mean:.1f}%; "
        f"gain {gain.mean:+.1f} [{gain.ci95[0]:+.1f}, {gain.ci95[1]:+.1f}]"
    )


def _origins(encoders: Sequence[Features], random: Sequence[Features]) -> list[Origin]:
    """Each encoder's pretraining, after making sure that like is compared with like."""
    sizes = [(features.path, features.attributes["encoder"]["config"]) for features in [*encoders, *random]]
    for path, size in sizes:
        if size != sizes[0][1]:
            raise UserError(f"{path}: an encoder of another size than {sizes[0][0]}; extract both again")
    return [check(Origin, e.attributes["pretraining"], f"{e.path}", "pretraining") for e in encoders]


def _cross_validation(
    answers: Mapping[str, Mapping[str, Answers]],
    objects: LabelledObjects,
    seen: set[str],
    settings: ProbeConfig,
) -> CrossValidation:
    n_seen = sum(object_id in seen for object_id in objects.ids)
    scores = held_out_scores(answers, objects)
    accuracy, baselines, gains = summarise(scores, objects.groups, settings.bootstrap, settings.seed)
    return CrossValidation(
        folds=possible_folds(objects.labels, objects.groups, settings.folds),
        repeats=settings.repeats,
        n_objects=len(objects.ids),
        n_seen=n_seen,
        saw_test_objects="partly" if 0 < n_seen < len(objects.ids) else n_seen > 0,
        accuracy=accuracy,
        baselines=baselines,
        gain_over_random=gains,
    )
