"""`crossjepa probe …`"""

from typing import Annotated

import typer

from crossjepa.audit.copies import find_copies, join_groups
from crossjepa.commands.options import Dataset, Inputs, Output, Settings, named_paths, read_source
from crossjepa.files import write_json, write_text
from crossjepa.probe.answers import answer_suite, largest_C, read_answers, write_answers
from crossjepa.probe.described import read_described
from crossjepa.probe.predict import predict, write_predictions
from crossjepa.probe.probe_result import probe_result
from crossjepa.probe.protocols import protocol
from crossjepa.probe.provenance import read_background
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.systems import one
from crossjepa.probe.tables import TableSuite, markdown, table_result
from crossjepa.settings import read_section, read_settings

app = typer.Typer(no_args_is_help=True)


@app.command("answer")
def answer_command(
    settings: Settings,
    dataset: Dataset,
    suite: Annotated[str, typer.Option(help="The suite of questions, one of those above.")],
    inputs: Inputs,
    output: Output,
    threads: Annotated[int, typer.Option(help="Fits to run in parallel.", min=1)] = 1,
) -> None:
    """Put a suite's questions to every system and write the answers as a Parquet table.

    Suites: linear, few_shot, label_efficiency, benchmark, inductive<k>, elsewhere, sweep.
    Inputs: catalog, targets (store), and feature zips: trained, random, shuffled_targets, random_teacher
    (repeat for seeds), geometry. In a sweep: trained and sweep-<name>, with training logs <variant>.metrics.
    """
    chosen = read_section(ProbeSettings, "probe", settings)
    columns = read_section(BenchmarkSettings, "benchmark", settings)
    used = protocol(chosen.protocol, read_source(settings, dataset).kind)
    table = answer_suite(suite, dataset, used, (chosen, columns), named_paths(inputs), threads)
    write_answers(output, table)
    for system in [] if chosen.published_C else largest_C(table, chosen.C):
        typer.echo(f"{dataset}: the best C for {system} is the largest of probe.C; a larger may be better")


@app.command("result")
def result_command(settings: Settings, dataset: Dataset, inputs: Inputs, output: Output) -> None:
    """Write the linear probe's result as JSON.

    Inputs: answers, catalog, trained (features, one per seed), points and targets (stores), metrics (training
    logs), seconds.<stage> (benchmark files or their folders), config (the run's configuration).
    """
    chosen, paths = read_section(ProbeSettings, "probe", settings), named_paths(inputs)
    table = read_answers(paths, "linear")
    known = read_background(table, read_source(settings, dataset), chosen, paths, output.parent)
    result = probe_result(table, known, chosen)
    write_json(output, result.model_dump(mode="json"))
    gain = result.gain_over_random.canonical
    typer.echo(
        f"{dataset}: {result.accuracy.canonical.mean:.1f}% of {result.n_test} test objects; random weights "
        f"{result.baselines.random_encoder.canonical.mean:.1f}%; "
        f"gain {gain.mean:+.1f} [{gain.ci95[0]:+.1f}, {gain.ci95[1]:+.1f}]"
    )


@app.command("table")
def table_command(
    settings: Settings,
    dataset: Dataset,
    suite: Annotated[TableSuite, typer.Option(help="The suite that the table is about.")],
    inputs: Inputs,
    output: Output,
) -> None:
    """Write the result of any other suite as JSON, and as Markdown beside it.

    Inputs: those of `probe result`; for the benchmark also more answers, and retrieval (distances).
    """
    chosen, paths = read_section(ProbeSettings, "probe", settings), named_paths(inputs)
    table = read_answers(paths, suite)
    known = read_background(table, read_source(settings, dataset), chosen, paths, output.parent)
    variants = read_settings(settings).get("sweep", {})
    result = table_result(table, known, chosen, paths.get("metrics", []), variants)
    write_json(output, result.model_dump(mode="json"))
    text = markdown(result)
    write_text(output.with_suffix(".md"), text)
    typer.echo(text)


@app.command("predict")
def predict_command(
    settings: Settings,
    inputs: Inputs,
    output: Output,
    threads: Annotated[int, typer.Option(help="Fits to run in parallel.", min=1)] = 1,
) -> None:
    """Predict the classes of a data set's unlabelled objects; write a CSV, print the accuracy to expect.

    Inputs: catalog, features (of a trained encoder), points (store).
    """
    chosen, paths = read_section(ProbeSettings, "probe", settings), named_paths(inputs)
    found = read_described(one(paths, "catalog"), one(paths, "features"), one(paths, "points"))
    copies = find_copies(found.table["sha256"].tolist(), found.clouds, found.features)
    groups = join_groups(found.table["group"].to_numpy(str), copies)
    table, trust = predict(found.table, found.features, groups, chosen, threads)
    write_predictions(output, table)
    predicted = int((table["source"] == "predicted").sum())
    typer.echo("\n".join([f"{output}: {predicted} of {len(table)} objects predicted", *trust.lines]))
