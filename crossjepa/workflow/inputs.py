"""What each rule reads, by the names that `--input NAME=PATH` gives to its command."""

from crossjepa.data.location import has_meshes
from crossjepa.errors import UserError
from crossjepa.workflow import paths
from crossjepa.workflow.paths import POINT_ARRAYS, TABLES, TARGET_ARRAYS
from crossjepa.workflow.plan import Plan

# Paths by input name; the path of a store is its folder.
Inputs = dict[str, list[str]]


def options(inputs: Inputs) -> str:
    """Inputs as options of a command."""
    return " ".join(f"--input {name}={path}" for name, all_paths in inputs.items() for path in all_paths)


def files(plan: Plan, inputs: Inputs) -> list[str]:
    """A rule's input files; for a store its manifest and all shards, so that a lost one is noticed."""
    return [file for all_paths in inputs.values() for path in all_paths for file in _files(plan, path)]


def sealed(plan: Plan, store: str) -> list[str]:
    """The manifest and all shards of a store."""
    arrays = TARGET_ARRAYS if store.startswith(paths.targets("")) else POINT_ARRAYS
    return [f"{store}/manifest.json", *paths.store_shards(store, arrays, plan.config.store.shards)]


def training(plan: Plan, variant: str) -> Inputs:
    """Inputs of pretraining, in the order of `pretrain.datasets`."""
    return _objects(plan, plan.learned(variant), variant)


def retrieval(plan: Plan, dataset: str) -> Inputs:
    """Inputs of view-to-object retrieval."""
    return _objects(plan, [dataset], "retrieval")


def answers(plan: Plan, dataset: str, suite: str) -> Inputs:
    """Inputs of the answers to a suite of questions."""
    if suite == "sweep":
        return _swept(plan, dataset)
    split = suite.removeprefix("inductive")  # `inductive0` uses the split of the trained encoders
    variant = "trained" if split in (suite, "0") else f"split{split}"
    encoders = _features(plan, dataset, variant)
    inputs = {
        "catalog": [plan.catalog(dataset, variant)],
        "trained": encoders if split == suite else encoders[:1],
        "random": _features(plan, dataset, "random"),
        "targets": [plan.targets(dataset)] if plan.has_views(dataset) else [],
    }
    if suite not in ("few_shot", "label_efficiency"):
        inputs["geometry"] = [plan.paths.geometry(dataset)]
    if suite in ("benchmark", "elsewhere"):
        inputs |= {each: _features(plan, dataset, each) for each in ("shuffled_targets", "random_teacher")}
    return inputs


def probe(plan: Plan, dataset: str) -> Inputs:
    """Inputs of the linear probe's result."""
    return {"answers": [plan.paths.answers(dataset, "linear")], **_evidence(plan, dataset)}


def table(plan: Plan, name: str, dataset: str) -> Inputs:
    """Inputs of a table.

    Raises:
        UserError: for a benchmark of a data set that `pretrain.datasets` lacks.
    """
    inputs = {"answers": [plan.paths.answers(dataset, TABLES[name])], **_evidence(plan, dataset)}
    if name == "benchmark":
        if dataset not in plan.learned():
            raise UserError(
                f"benchmark_{dataset}: it compares objects that pretraining saw with others, but "
                f"pretrain.datasets has no '{dataset}'; add it there, or make {plan.paths.probe(dataset)}"
            )
        splits = [plan.paths.answers(dataset, f"inductive{k}") for k in range(plan.config.benchmark.splits)]
        other = plan.paths.answers(plan.config.benchmark.elsewhere, "elsewhere")
        inputs["answers"] += [*splits, other]
        inputs["retrieval"] = [plan.paths.retrieval(dataset)]
    return inputs


def accounts(plan: Plan, dataset: str) -> Inputs:
    """What results report about the run: seconds of each stage, and the configuration.

    An artefact's folder holds only that artefact's files. The folder of features may hold files of other
    seeds too, so each file is listed.
    """
    names = {
        "data": [plan.name("scan", dataset), plan.name("catalog", dataset), plan.name("points", dataset)]
    }
    if plan.has_views(dataset):
        names |= {stage: [plan.name("targets", dataset)] for stage in ("render", "teacher")}
    folders = {
        f"seconds.{stage}": [paths.seconds(f"{stage}/{name}").removesuffix(".tsv") for name in of_stage]
        for stage, of_stage in names.items()
    }
    trained = [f"trained/{seed}" for seed in plan.seeds("trained")]
    features = [plan.paths.seconds(f"features/{dataset}/{job}") for job in [*trained, "random", "geometry"]]
    return {**folders, "seconds.features": features, "config": [plan.paths.configuration]}


def plot(plan: Plan, name: str, dataset: str) -> Inputs:
    """Inputs of a table's plot; the benchmark's also shows training curves."""
    return {
        "table": [plan.paths.table(name, dataset)],
        "metrics": _metrics(plan, "trained") if name == "benchmark" else [],
    }


def predictions(plan: Plan, dataset: str) -> Inputs:
    """Inputs of the predicted classes of unlabelled objects."""
    return {
        "catalog": [plan.catalog(dataset)],
        "features": _features(plan, dataset, "trained")[:1],
        "points": [plan.points(dataset)],
    }


def audit(plan: Plan, dataset: str) -> Inputs:
    """Inputs of the audit of a data set; views give it pictures."""
    targets = {"targets": [plan.targets(dataset)]} if plan.has_views(dataset) else {}
    return {**predictions(plan, dataset), **targets}


def report(plan: Plan) -> Inputs:
    """Inputs of the HTML report."""
    seed = plan.config.pretrain.seeds[0]
    inputs: Inputs = {"result": [], "metrics": _metrics(plan, "trained")}
    for dataset in plan.config.probe.datasets:
        inputs["result"].append(plan.paths.probe(dataset))
        inputs[f"features.{dataset}"] = [plan.paths.features(dataset, "trained", seed)]
        inputs[f"catalog.{dataset}"] = [plan.catalog(dataset)]
        if plan.has_views(dataset):
            inputs[f"targets.{dataset}"] = [plan.targets(dataset)]
        if has_meshes(plan.sources[dataset]):
            inputs[f"sheet.{dataset}"] = [paths.contact_sheet(plan.name("sheet", dataset))]
    return inputs


def _objects(plan: Plan, datasets: list[str], variant: str) -> Inputs:
    """What pretraining reads of each data set."""
    return {
        "catalog": [plan.catalog(dataset, variant) for dataset in datasets],
        "points": [plan.points(dataset) for dataset in datasets],
        "targets": [plan.targets(dataset, variant) for dataset in datasets],
    }


def _evidence(plan: Plan, dataset: str) -> Inputs:
    """Inputs of every result: its objects, encoders and training logs."""
    return {
        "catalog": [plan.catalog(dataset)],
        "trained": _features(plan, dataset, "trained"),
        "points": [plan.points(dataset)],
        "targets": [plan.targets(dataset)] if plan.has_views(dataset) else [],
        "metrics": _metrics(plan, "trained"),
    }


def _swept(plan: Plan, dataset: str) -> Inputs:
    inputs: Inputs = {"catalog": [plan.catalog(dataset)]}
    for variant in ["trained", *(f"sweep-{name}" for name in plan.config.sweep)]:
        inputs[variant] = _features(plan, dataset, variant)
        inputs[f"{variant}.metrics"] = _metrics(plan, variant)
    return inputs


def _features(plan: Plan, dataset: str, variant: str) -> list[str]:
    return [plan.paths.features(dataset, variant, seed) for seed in plan.seeds(variant)]


def _metrics(plan: Plan, variant: str) -> list[str]:
    return [plan.paths.metrics(variant, seed) for seed in plan.seeds(variant)]


def _files(plan: Plan, path: str) -> list[str]:
    artefact = plan.artefacts.get(path.rpartition("/")[2])
    return sealed(plan, path) if artefact and artefact.kind in ("points", "targets") else [path]
