"""`crossjepa probe …`"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import crossjepa
from crossjepa.config import read_settings, read_source
from crossjepa.probe.comparison import compare
from crossjepa.probe.evaluate import Answers, evaluate
from crossjepa.probe.fewshot import QUERIES, TRIALS, few_shot
from crossjepa.probe.fewshot_result import FewShotResult
from crossjepa.probe.folds import possible_folds
from crossjepa.probe.label_efficiency import label_efficiency
from crossjepa.probe.label_efficiency_result import LabelEfficiencyResult
from crossjepa.probe.objects import LabelledObjects
from crossjepa.probe.provenance import checkout, packages, sha256, stage_seconds
from crossjepa.probe.result import (
    CrossValidation,
    Encoder,
    OtherClassifier,
    OtherClassifiers,
    PerSeed,
    Pretraining,
    ProbeResult,
    Provenance,
    write_result,
)
from crossjepa.probe.settings import ProbeSettings
from crossjepa.probe.summarise import (
    confusion,
    fixed_scores,
    held_out_scores,
    per_class,
    regimes_of,
    summarise,
)
from crossjepa.probe.systems import read_systems
from crossjepa.store.bundle import Arrays

app = typer.Typer(no_args_is_help=True)


Settings = Annotated[str, typer.Option(help="A configuration file, or the `probe` section as JSON.")]
Name = Annotated[str, typer.Option(help="The data set's name.")]
Source = Annotated[str, typer.Option(help="Its entry under `data`, as JSON.")]
Catalog = Annotated[Path, typer.Option(help="Its catalog.")]
Trained = Annotated[list[Path], typer.Option(help="Features of a pretrained encoder; one a seed.")]
Random = Annotated[list[Path], typer.Option(help="Features of a random-weight encoder; repeatable.")]
Targets = Annotated[Path | None, typer.Option(help="The sealed target store; none of point clouds.")]
Threads = Annotated[int, typer.Option(help="Classifiers that are fitted at a time.", min=1)]
Output = Annotated[Path, typer.Option(help="The JSON to write.")]


@app.callback()
def probe() -> None:
    """Fit linear classifiers on frozen features."""
    # Fits run side by side: a fit's own threads would wait for one another more than they work.
    threadpool_limits(1)


@app.command("linear")
def linear_command(
    settings: Settings,
    dataset: Name,
    source: Source,
    catalog: Catalog,
    encoder: Trained,
    random: Random,
    geometry: Annotated[Path, typer.Option(help="Geometric descriptors.")],
    points: Annotated[Path, typer.Option(help="The sealed point store.")],
    run_config: Annotated[Path, typer.Option(help="The whole run's configuration, to be hashed.")],
    output: Output,
    targets: Targets = None,
    benchmarks: Annotated[list[str], typer.Option(help="STAGE=FOLDER of benchmark files; repeatable.")] = [],  # noqa: B006
    threads: Threads = 1,
) -> None:
    """Probe encoders of every seed beside random weights, geometry, the teacher and the majority."""
    chosen = read_settings(ProbeSettings, "probe", settings)
    systems = read_systems(
        dataset, read_source(source), chosen, catalog, encoder, random, targets, geometry, True
    )
    objects = systems.objects
    answers = evaluate(systems.features, objects, systems.protocol, chosen, threads)
    scores = fixed_scores(answers, objects)
    bootstrap = chosen.bootstrap, chosen.seed
    accuracy, others, baselines, gains = summarise(scores, objects.groups[objects.test], *bootstrap)
    saw = objects.seen_by({head for origin in systems.origins for head in origin.seen})
    first = systems.origins[0]
    stores: dict[Literal["points", "targets"], Path] = {"points": points}
    if targets:
        stores["targets"] = targets
    result = ProbeResult(
        **systems.head.model_dump(),
        n_left_out=objects.left_out,
        copies_in_train=objects.copies_in_train,
        classes=objects.classes,
        accuracy=accuracy,
        other_features=others,
        per_seed=PerSeed(**{regime: v.mean(axis=1).tolist() for regime, v in scores["encoder"].items()}),
        per_class=per_class(scores, objects),
        confusion=confusion(answers["encoder"]["canonical"].fixed, objects),
        C_choice="published" if chosen.published_C else "cross-validation",
        chosen_C=PerSeed(**{regime: a.chosen_C for regime, a in answers["encoder"].items()}),
        baselines=baselines,
        gain_over_random=gains,
        other_classifiers=_other_classifiers(systems.features, objects, chosen, threads),
        cross_validation=_cross_validation(answers, objects, saw, chosen),
        encoder=Encoder(parameters=systems.encoder["parameters"], config=systems.encoder["config"]),
        pretraining=Pretraining(
            datasets=first.datasets,
            objects=first.objects,
            epochs=first.epochs,
            same_dataset=dataset in first.datasets,
            saw_objects=int(saw.sum()),
            saw_test_objects=int(saw[objects.test].sum()),
        ),
        provenance=Provenance(
            git=checkout(Path(crossjepa.__file__).parent),
            config_hash=sha256(run_config),
            stores={name: sha256(store / "manifest.json") for name, store in stores.items()},
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
    for system in [] if chosen.published_C else answers:
        if any(max(chosen.C) in answer.chosen_C for answer in answers[system].values()):
            typer.echo(
                f"{dataset}: the best C for {system} is the largest of probe.C; a larger may be better"
            )


@app.command("few-shot")
def few_shot_command(
    settings: Settings,
    dataset: Name,
    source: Source,
    catalog: Catalog,
    encoder: Trained,
    random: Random,
    output: Output,
    targets: Targets = None,
    threads: Threads = 1,
) -> None:
    """Probe with a few objects of a few classes, in Point-BERT's and in CrossPoint's style."""
    chosen = read_settings(ProbeSettings, "probe", settings)
    systems = read_systems(dataset, read_source(source), chosen, catalog, encoder, random, targets)
    styles = few_shot(systems.features, systems.objects, systems.protocol, chosen, threads)
    result = FewShotResult(
        **systems.head.model_dump(),
        trials=TRIALS,
        queries=QUERIES,
        point_bert=styles["point_bert"],
        crosspoint=styles["crosspoint"],
    )
    write_result(output, result)
    for name, style in {"Point-BERT": result.point_bert, "CrossPoint": result.crosspoint}.items():
        for setting in style.settings:
            reached = setting.scores and setting.scores.encoder.canonical
            said = f"{reached.mean:.1f} ± {reached.sd:.1f}%" if reached else setting.reason
            typer.echo(f"{dataset}, {name} style, {setting.way}-way {setting.shot}-shot: {said}")


@app.command("label-efficiency")
def label_efficiency_command(
    settings: Settings,
    dataset: Name,
    source: Source,
    catalog: Catalog,
    encoder: Trained,
    random: Random,
    output: Output,
    targets: Targets = None,
    threads: Threads = 1,
) -> None:
    """Probe with 1 to 100% of the training labels."""
    chosen = read_settings(ProbeSettings, "probe", settings)
    systems = read_systems(dataset, read_source(source), chosen, catalog, encoder, random, targets)
    result = LabelEfficiencyResult(
        **systems.head.model_dump(),
        fractions=label_efficiency(systems.features, systems.objects, systems.protocol, chosen, threads),
    )
    write_result(output, result)
    for fraction in result.fractions:
        ours, random_weights = (
            getattr(fraction, name).canonical.mean for name in ("encoder", "random_encoder")
        )
        typer.echo(
            f"{dataset}: {fraction.percent}% of the labels: {ours:.1f}%; random weights {random_weights:.1f}%"
        )


def _other_classifiers(
    systems: Mapping[str, Sequence[Arrays]], objects: LabelledObjects, settings: ProbeSettings, threads: int
) -> OtherClassifiers:
    encoders = {system: systems[system] for system in ("encoder", "random_encoder")}
    groups, bootstrap = objects.groups[objects.test], (settings.bootstrap, settings.seed)
    described = {
        name: OtherClassifier(**{s: regimes_of(v, groups, *bootstrap) for s, v in by_system.items()})
        for name, by_system in compare(encoders, objects, threads).items()
    }
    return OtherClassifiers(**described)


def _cross_validation(
    answers: Mapping[str, Mapping[str, Answers]],
    objects: LabelledObjects,
    saw: NDArray[np.bool_],
    settings: ProbeSettings,
) -> CrossValidation | None:
    if objects.split_given:
        return None
    n_seen = int(saw.sum())
    scores = held_out_scores(answers, objects)
    accuracy, others, baselines, gains = summarise(scores, objects.groups, settings.bootstrap, settings.seed)
    return CrossValidation(
        folds=possible_folds(objects.labels, objects.groups, settings.folds),
        repeats=settings.repeats,
        n_objects=len(objects.ids),
        n_seen=n_seen,
        saw_test_objects="partly" if 0 < n_seen < len(objects.ids) else n_seen > 0,
        accuracy=accuracy,
        other_features=others,
        baselines=baselines,
        gain_over_random=gains,
    )
