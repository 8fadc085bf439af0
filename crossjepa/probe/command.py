"""`crossjepa probe …`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

import crossjepa
from crossjepa.config import ProbeConfig, check, read_settings
from crossjepa.errors import UserError
from crossjepa.probe.evaluate import evaluate
from crossjepa.probe.features import Features, bundled_features, teacher_features
from crossjepa.probe.objects import LabelledObjects, labelled_objects
from crossjepa.probe.provenance import checkout, packages, sha256, stage_seconds
from crossjepa.probe.result import (
    ChosenC,
    CrossValidation,
    Encoder,
    PerSeed,
    Pretraining,
    ProbeResult,
    Provenance,
    Stores,
    write_result,
)
from crossjepa.probe.summarise import Summary, confusion, per_class

app = typer.Typer(no_args_is_help=True)

Bundle = Annotated[Path, typer.Option(help="A bundle of features.")]


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
    benchmarks: Annotated[Path, typer.Option(help="Folder of benchmark files, one folder a stage.")],
    output: Annotated[Path, typer.Option(help="The JSON to write.")],
    threads: Annotated[int, typer.Option(help="Classifiers fitted at a time.", min=1)] = 1,
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
    evaluation = evaluate(rows, objects, chosen, threads)
    given = evaluation.answers

    tested = Summary(
        given,
        lambda answers: answers.right_when_tested(objects),
        objects.groups[objects.test],
        chosen.bootstrap,
        chosen.seed,
    )
    held_out = Summary(
        given,
        lambda answers: answers.right_when_held_out(objects),
        objects.groups,
        chosen.bootstrap,
        chosen.seed,
    )
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
        accuracy=tested.regimes("encoder"),
        per_seed=PerSeed(**tested.per_seed()),
        per_class=per_class(objects, tested),
        confusion=confusion(objects, given["encoder"]["canonical"]),
        chosen_C=ChosenC(**{regime: answers.chosen_C for regime, answers in given["encoder"].items()}),
        baselines=tested.baselines(),
        gain_over_random=tested.gains(),
        cross_validation=_cross_validation(held_out, objects, seen, evaluation.folds, chosen.repeats),
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
            stores=Stores(points=sha256(points / "manifest.json"), targets=sha256(targets / "manifest.json")),
            packages=packages(),
            device=first.device,
            seconds=stage_seconds(benchmarks),
        ),
    )
    write_result(output, result)
    ours, plain, gain = result.accuracy, result.baselines.random_encoder, result.gain_over_random.canonical
    typer.echo(
        f"{dataset}: {ours.canonical.mean:.1f}% of {result.n_test} test objects; random weights "
        f"{plain.canonical.mean:.1f}%; gain {gain.mean:+.1f} [{gain.ci95[0]:+.1f}, {gain.ci95[1]:+.1f}]"
    )


def _origins(encoders: Sequence[Features], random: Sequence[Features]) -> list[Origin]:
    """Each encoder's pretraining, after making sure that like is compared with like."""
    sizes = [(features.path, features.attributes["encoder"]["config"]) for features in [*encoders, *random]]
    for path, size in sizes:
        if size != sizes[0][1]:
            raise UserError(f"{path}: an encoder of another size than {sizes[0][0]}; extract both again")
    return [check(Origin, e.attributes["pretraining"], f"{e.path}", "pretraining") for e in encoders]


def _cross_validation(
    summary: Summary, objects: LabelledObjects, seen: set[str], folds: int, repeats: int
) -> CrossValidation:
    n_seen = sum(object_id in seen for object_id in objects.ids)
    return CrossValidation(
        folds=folds,
        repeats=repeats,
        n_objects=len(objects.ids),
        n_seen=n_seen,
        saw_test_objects="partly" if 0 < n_seen < len(objects.ids) else n_seen > 0,
        accuracy=summary.regimes("encoder"),
        baselines=summary.baselines(),
        gain_over_random=summary.gains(),
    )
