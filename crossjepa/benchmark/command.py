"""`crossjepa benchmark …`"""

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Annotated

import typer
from threadpoolctl import threadpool_limits

import crossjepa
from crossjepa.benchmark.evaluate import Examiner, all_columns, compare_rows, curve
from crossjepa.benchmark.evidence import Evidence
from crossjepa.benchmark.result import BenchmarkResult, Column, Retrieval, Target
from crossjepa.benchmark.retrieval import retrieve
from crossjepa.benchmark.sweep import describe, reach, read_swept
from crossjepa.benchmark.sweep_result import SweepResult
from crossjepa.benchmark.sweep_table import sweep_markdown
from crossjepa.benchmark.table import markdown
from crossjepa.config import read_settings, read_source
from crossjepa.errors import UserError
from crossjepa.probe.features import bundled_features
from crossjepa.probe.objects import labelled_objects
from crossjepa.probe.protocols import protocol
from crossjepa.probe.provenance import checkout, packages, sha256, stage_seconds
from crossjepa.probe.result import Provenance, write_result
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.settings import check

app = typer.Typer(no_args_is_help=True)


@app.callback()
def benchmark() -> None:
    """Put every row and every question into one table."""
    threadpool_limits(1)  # as for the probe: fits run side by side


@app.command("run")
def run_command(
    settings: Annotated[str, typer.Option(help="A configuration file, or the `benchmark` section as JSON.")],
    probe: Annotated[str, typer.Option(help="A configuration file, or the `probe` section as JSON.")],
    dataset: Annotated[str, typer.Option(help="The data set's name.")],
    source: Annotated[str, typer.Option(help="Its entry under `data`, as JSON.")],
    evidence: Annotated[str, typer.Option(help="Paths of all features and catalogs, as JSON.")],
    points: Annotated[Path, typer.Option(help="The sealed point store.")],
    run_config: Annotated[Path, typer.Option(help="The whole run's configuration, to be hashed.")],
    pretraining: Annotated[list[Path], typer.Option(help="Training logs, one a seed.")],
    output: Annotated[Path, typer.Option(help="The JSON to write.")],
    table: Annotated[Path, typer.Option(help="The same as a table for people, to write.")],
    benchmarks: Annotated[list[str], typer.Option(help="STAGE=FOLDER of benchmark files; repeatable.")] = [],  # noqa: B006
    threads: Annotated[int, typer.Option(help="Classifiers that are fitted at a time.", min=1)] = 1,
) -> None:
    """Ask every question of every row: pretrained encoders, baselines, the teacher and the controls."""
    chosen = read_settings(BenchmarkSettings, "benchmark", settings)
    probing = read_settings(ProbeSettings, "probe", probe)
    given = check(Evidence, json.loads(evidence), "--evidence")
    entry = read_source(source)
    examiner = Examiner(protocol(probing.protocol, entry.kind), probing, threads)
    compared = compare_rows(given.probed, examiner.protocol)
    objects = compared.objects
    if objects.split_given:
        raise UserError(
            f"{dataset}: comes with its own split, which is its protocol, and a benchmark draws its own; "
            f"probe it instead: results/probe_{dataset}.json"
        )
    columns = all_columns(compared, given, chosen, examiner)
    retrieval = retrieve(given.retrieval, given.probed.catalog, probing)
    trained = [bundled_features(path).attributes for path in given.probed.trained]
    learned = trained[0]["pretraining"]
    result = BenchmarkResult(
        dataset=dataset,
        data=entry.model_dump(mode="json", exclude={"path", "labels", "points", "views", "lists"}),
        protocol=probing.protocol,
        protocol_source=examiner.protocol.source,
        n_train=len(objects.train),
        n_test=len(objects.test),
        n_classes=len(objects.classes),
        seeds=[attributes["encoder"]["seed"] for attributes in trained],
        objects=learned["objects"],
        datasets=learned["datasets"],
        steps=learned["steps"],
        parameters=trained[0]["encoder"]["parameters"],
        columns=columns,
        retrieval=retrieval,
        curve=curve(given, examiner, learned["epochs"], learned["steps"]),
        targets=_targets(chosen.targets, columns, retrieval),
        pretraining_seconds=mean(
            json.loads(path.read_text().splitlines()[-1])["seconds"] for path in pretraining
        ),
        provenance=Provenance(
            git=checkout(Path(crossjepa.__file__).parent),
            config_hash=sha256(run_config),
            stores={"points": sha256(points / "manifest.json"), "targets": sha256(given.probed.targets)},
            packages=packages(),
            device=learned["device"],
            seconds=stage_seconds(benchmarks),
        ),
    )
    write_result(output, result)
    table.write_text(markdown(result), "utf-8")
    typer.echo(markdown(result))


@app.command("sweep")
def sweep_command(
    probe: Annotated[str, typer.Option(help="A configuration file, or the `probe` section as JSON.")],
    dataset: Annotated[str, typer.Option(help="The data set's name.")],
    source: Annotated[str, typer.Option(help="Its entry under `data`, as JSON.")],
    settings: Annotated[str, typer.Option(help="Each setting's changes, features and logs, as JSON.")],
    catalog: Annotated[Path, typer.Option(help="The data set's catalog.")],
    points: Annotated[Path, typer.Option(help="The sealed point store.")],
    run_config: Annotated[Path, typer.Option(help="The whole run's configuration, to be hashed.")],
    output: Annotated[Path, typer.Option(help="The JSON to write.")],
    table: Annotated[Path, typer.Option(help="The same as a table for people, to write.")],
    threads: Annotated[int, typer.Option(help="Classifiers that are fitted at a time.", min=1)] = 1,
) -> None:
    """Compare a sweep's settings with the run's own, seed by seed."""
    probing = read_settings(ProbeSettings, "probe", probe)
    swept = read_swept(settings)
    entry = read_source(source)
    examiner = Examiner(protocol(probing.protocol, entry.kind), probing, threads)
    reached = [reach(name, trained, catalog, examiner) for name, trained in swept]
    own = [bundled_features(path) for path in swept[0][1].features]
    objects = labelled_objects(catalog, own[0].ids)
    result = SweepResult(
        dataset=dataset,
        data=entry.model_dump(mode="json", exclude={"path", "labels", "points", "views", "lists"}),
        protocol=probing.protocol,
        protocol_source=examiner.protocol.source,
        n_train=len(objects.train),
        n_test=len(objects.test),
        n_classes=len(objects.classes),
        seeds=[features.attributes["encoder"]["seed"] for features in own],
        settings=[
            describe(name, trained, each, None if each is reached[0] else reached[0])
            for (name, trained), each in zip(swept, reached, strict=True)
        ],
        seconds=sum(each.seconds for each in reached),
        provenance=Provenance(
            git=checkout(Path(crossjepa.__file__).parent),
            config_hash=sha256(run_config),
            stores={"points": sha256(points / "manifest.json")},
            packages=packages(),
            device=own[0].attributes["pretraining"]["device"],
            seconds={},
        ),
    )
    write_result(output, result)
    table.write_text(sweep_markdown(result), "utf-8")
    typer.echo(sweep_markdown(result))


def _targets(
    wanted: Mapping[str, float], columns: Mapping[str, Column], retrieval: Retrieval
) -> list[Target]:
    """Each wanted number beside the one that was reached."""
    reached: dict[str, float] = {
        f"{r}.{name}": c.mean for name, col in columns.items() for r, c in col.cells.items()
    }
    reached |= {"retrieval.unseen": retrieval.unseen.top1, "retrieval.seen": retrieval.seen.top1}
    if unknown := sorted(set(wanted) - set(reached)):
        raise UserError(f"benchmark.targets: no number is called {unknown[0]!r}; there are {sorted(reached)}")
    return [
        Target(
            row=name.partition(".")[0],
            column=name.partition(".")[2],
            wanted=number,
            reached=reached[name],
            met=reached[name] >= number,
        )
        for name, number in wanted.items()
    ]
