# Names, settings and code digests that all rules share. Every path under results/ is built here or in a
# rule file, nowhere else.
import hashlib
import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.current_basedir).parent.parent
sys.path.insert(0, str(ROOT))
from crossjepa.closure import code_digest
from crossjepa.config import Config, check
from crossjepa.data.listing import file_digest, listing_digest, outline_digest
from crossjepa.data.location import (
    check_labels,
    check_location,
    downloads,
    has_meshes,
    has_views,
    places,
)
from crossjepa.errors import UserError
from crossjepa.probe.protocols import protocol

try:
    CONFIG = check(Config, config, "configuration")
    SOURCES = CONFIG.data.sources
    LEARNED = {
        learned.name
        for each in [CONFIG, *CONFIG.swept.values()]
        for learned in each.pretrain.datasets
    }
    for dataset in sorted({*LEARNED, *CONFIG.probe.datasets}):
        check_location(dataset, SOURCES[dataset])
    for dataset in CONFIG.probe.datasets:
        check_labels(dataset, SOURCES[dataset])
        shown = protocol(CONFIG.probe.protocol, SOURCES[dataset].kind).points
        if shown > CONFIG.data.points:
            raise UserError(
                f"data.points: {CONFIG.data.points}, but the protocol {CONFIG.probe.protocol} shows "
                f"{shown} points of '{dataset}'; set data.points to {shown} at least"
            )
    for dataset in LEARNED:
        if not has_views(SOURCES[dataset]):
            raise UserError(
                f"pretrain.datasets: '{dataset}' has point clouds only, which the teacher cannot see; learn from "
                "a data set with meshes"
            )
except UserError as error:
    raise WorkflowError(str(error))

# Jobs find the package here whether or not their environment has it installed. The limit decides whether a
# scan stops, not what it finds: here it is not compared, and a raised one does not render everything again.
# Setting a prefix drops Snakemake's own strict mode, without which a failure before `| tee` would go unnoticed.
HERE = shlex.quote(str(ROOT)).replace("{", "{{").replace("}", "}}")
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={HERE}${{{{PYTHONPATH:+:$PYTHONPATH}}}}"
    f" CROSSJEPA_MAX_BAD_FRACTION={CONFIG.data.max_bad_fraction}; "
)

RESULTS = f"results/{CONFIG.run}" if CONFIG.run else "results"
RESOLVED_CONFIG = f"{RESULTS}/config.yaml"
SHARDS = range(CONFIG.store.shards)


def changed(section, **values):
    """The configuration with some settings of a section changed."""
    altered = getattr(CONFIG, section).model_copy(update=values)
    return CONFIG.model_copy(update={section: altered})


# What is trained: the run's own settings, what a benchmark compares them with, and those of a sweep.
VARIANTS = {
    "trained": CONFIG,
    "shuffled": changed("pretrain", shuffle_targets=True),
    "untaught": changed("teacher", random_weights=True),
    "apart": changed("data", test_fraction=CONFIG.benchmark.kept_apart),
    **{
        f"split{number}_": changed("data", split_seed=CONFIG.data.split_seed + number)
        for number in range(1, CONFIG.benchmark.splits)
    },
    **{f"sweep-{name}-": changed for name, changed in CONFIG.swept.items()},
}


def learned(variant):
    """The data sets that a variant learns from."""
    return [learned.name for learned in VARIANTS[variant].pretrain.datasets]


def memory(megabytes):
    """What a job may take; more each time that it is tried again."""
    return lambda wildcards, attempt: megabytes * attempt


def settings(section, *keys, of=CONFIG):
    """The named keys of a section, as JSON with sorted keys: all that a rule is told of it."""
    values = getattr(of, section).model_dump(mode="json")
    return json.dumps({key: values[key] for key in keys or values}, sort_keys=True)


def source(dataset):
    """A data set's entry as JSON, less the place of archives whose content is known."""
    entry = SOURCES[dataset]
    known = entry.kind in ("furniture", "modelnet", "scanobjectnn")
    left_out = {"path"} if known else set()
    return json.dumps(entry.model_dump(mode="json", exclude=left_out), sort_keys=True)


def key(dataset, *determinants):
    """A name for what the determinants determine: equal settings share it, others never do."""
    digest = hashlib.sha256(
        "\n".join([source(dataset), *determinants]).encode()
    ).hexdigest()
    return f"{dataset}-{digest[:10]}"


def code(*modules):
    """Digest of the code behind a rule: its modules and all that they import."""
    return code_digest(*[f"crossjepa.{module}" for module in modules])


def adapter(dataset):
    """The module that reads a data set."""
    return f"data.{SOURCES[dataset].kind}"


STORE_SETTINGS = settings("store")
SAMPLE_SETTINGS = settings("data", "points", "seed")
RENDER_KEYS = [k for k in type(CONFIG.render).model_fields if k != "keep_views"]
TEACHER_KEYS = [k for k in type(CONFIG.teacher).model_fields if k != "path"]


def split_settings(variant):
    """What decides which objects are tested."""
    return settings("data", "split_seed", "test_fraction", of=VARIANTS[variant])


def teacher_settings(variant):
    """What decides the targets, besides the views."""
    return settings("teacher", *TEACHER_KEYS, of=VARIANTS[variant])


def render_settings(variant="trained"):
    """What decides the views."""
    return settings("render", *RENDER_KEYS, of=VARIANTS[variant])


def weights_name(variant="trained"):
    """The name of a teacher's weights."""
    determinants = settings("teacher", "name", "revision", of=VARIANTS[variant])
    digest = hashlib.sha256(determinants.encode()).hexdigest()
    name = VARIANTS[variant].teacher.name
    return f"{'--'.join(name.split(os.sep))}-{digest[:10]}"


def catalog_name(dataset, variant="trained"):
    """The name of a data set's catalog."""
    return key(dataset, split_settings(variant))


def targets_name(dataset, variant="trained"):
    """The name of a data set's target store."""
    return key(
        dataset, render_settings(variant), teacher_settings(variant), STORE_SETTINGS
    )


# What each named artefact belongs to. The names carry a hash of all that determines them, so that runs
# which differ further down share them.
SCANS = {key(d): d for d in SOURCES}
CATALOGS = {catalog_name(d, v): d for v in VARIANTS for d in SOURCES}
POINTS = {key(d, SAMPLE_SETTINGS, STORE_SETTINGS): d for d in SOURCES}
TARGETS = {targets_name(d, v): d for v in VARIANTS for d in SOURCES}
SHEETS = {key(d, render_settings()): d for d in SOURCES}
WEIGHTS = {weights_name(v): v for v in VARIANTS}
# The variant behind a name, where they differ.
SPLIT_BY = {catalog_name(d, v): v for v in VARIANTS for d in SOURCES}
TAUGHT_BY = {targets_name(d, v): v for v in VARIANTS for d in SOURCES}


def named(names, dataset):
    """The name that belongs to a data set."""
    return next(name for name, owner in names.items() if owner == dataset)


def meshes(dataset):
    """A data set's mesh table."""
    return f"results/data/{named(SCANS, dataset)}/meshes.parquet"


def catalog(dataset, variant="trained"):
    """A data set's catalog."""
    return f"results/data/{catalog_name(dataset, variant)}/catalog.parquet"


def point_store(dataset):
    """A data set's point store."""
    return f"results/points/{named(POINTS, dataset)}"


def target_store(dataset, variant="trained"):
    """A data set's target store."""
    return f"results/targets/{targets_name(dataset, variant)}"


def contact_sheet(dataset):
    """A data set's contact sheet."""
    return f"results/contact_sheets/{named(SHEETS, dataset)}.png"


def store_metadata(store, arrays):
    """The files that lay a store out."""
    return [f"{store}/zarr.json", *[f"{store}/{array}/zarr.json" for array in arrays]]


def store_shard(store, arrays, shard):
    """The files that hold one shard of a store; `arrays` gives each array's number of axes."""
    chunks = [
        os.path.join(store, name, "c", str(shard), *["0"] * (axes - 1))
        for name, axes in arrays.items()
    ]
    return [*chunks, f"{store}/set_aside/{shard}.json"]


def sealed(store, arrays):
    """A store's manifest, and its shards: Snakemake only misses a lost file that somebody asks for."""
    shards = [file for shard in SHARDS for file in store_shard(store, arrays, shard)]
    return [f"{store}/manifest.json", *shards]


def sealed_points(dataset):
    """A data set's sealed point store."""
    return sealed(point_store(dataset), POINT_ARRAYS)


def sealed_targets(dataset, variant="trained"):
    """A data set's sealed target store."""
    return sealed(target_store(dataset, variant), TARGET_ARRAYS)


def teacher_weights(targets):
    """The files of the teacher that a target store is made with."""
    folder = f"results/weights/{weights_name(TAUGHT_BY[targets])}"
    return [f"{folder}/teacher.json", f"{folder}/config.json"]


def views(path):
    """Rendered views go once the teacher has seen them, unless they are to be kept."""
    return path if CONFIG.render.keep_views else temp(path)


def archives(dataset):
    """A data set's archives as files of the workflow: fetched by it, or the furniture's at hand."""
    entry = SOURCES[dataset]
    if entry.kind == "modelnet" and entry.path:
        return []
    folder = getattr(entry, "path", None) or f"results/downloads/{entry.kind}"
    return [f"{folder}/{name}" for name in downloads(entry)]


def archives_option(dataset):
    """How a command is told where the archives lie."""
    entry, files = SOURCES[dataset], archives(dataset)
    if entry.kind == "furniture":
        return f"--archives {shlex.quote(os.path.dirname(files[0]))}"
    if entry.kind in ("modelnet", "scanobjectnn"):
        return f"--archives {shlex.quote(entry.path or files[0])}"
    return ""


@cache
def listing(dataset):
    """What lies where a data set does, so that an added file is noticed; in a folder of objects an edited one too."""
    entry = SOURCES[dataset]
    if entry.kind != "folder":
        return outline_digest(places(entry).values())
    return listing_digest(Path(entry.path)) + labels(dataset)


def content(file):
    """Digest of a file of the package that is not code."""
    return file_digest(ROOT / "crossjepa" / file)


def labels(dataset):
    """What a data set's CSV says, so that an edited label is noticed."""
    if SOURCES[dataset].kind == "furniture":
        return content("data/furniture_labels.csv")
    path = getattr(SOURCES[dataset], "labels", None)
    return file_digest(Path(path)) if path else ""


def predictor(encoder):
    """The predictor that was trained with an encoder; random weights and snapshots have none."""
    path = f"{RESULTS}/encoders/{encoder}/predictor.safetensors"
    return [] if re.search(r"^random|-epoch\d+$", encoder) else path


@cache
def views_of(dataset):
    """A data set's sealed target store, when there is anything that the teacher could see."""
    return sealed_targets(dataset) if has_views(SOURCES[dataset]) else []


def targets_option(dataset):
    """How a command is told of the teacher's embeddings, where there are any."""
    return f"--targets {target_store(dataset)}" if views_of(dataset) else ""


def probed_as(dataset):
    """The probe's protocol as it is used on a data set: it says which cloud an encoder is shown."""
    return protocol(CONFIG.probe.protocol, SOURCES[dataset].kind)


def benchmarks(dataset):
    """Folders of benchmark files by stage: where the seconds of a result went."""
    folders = {
        "data": [
            f"results/benchmarks/data/{named(names, dataset)}"
            for names in (SCANS, CATALOGS, POINTS)
        ],
        **{
            stage: [f"results/benchmarks/{stage}/{targets_name(dataset)}"]
            for stage in ("render", "teacher")
            if views_of(dataset)
        },
        "pretrain": [f"{RESULTS}/benchmarks/pretrain/trained"],
        "features": [f"{RESULTS}/benchmarks/features/{dataset}"],
    }
    return " ".join(
        f"--benchmarks {stage}={folder}"
        for stage, all in folders.items()
        for folder in all
    )


def bundles(dataset):
    """What the rows of one data set are read from."""
    features = f"{RESULTS}/features/{dataset}"
    controls = CONFIG.benchmark.control_seeds
    return {
        "catalog": catalog(dataset),
        "geometry": f"{features}/geometry.zip",
        "targets": f"{target_store(dataset)}/manifest.json",
        "trained": [f"{features}/trained{seed}.zip" for seed in CONFIG.pretrain.seeds],
        "random": [
            f"{features}/random{seed}.zip"
            for seed in range(CONFIG.features.random_encoders)
        ],
        "shuffled": [f"{features}/shuffled{seed}.zip" for seed in controls],
        "untaught": [f"{features}/untaught{seed}.zip" for seed in controls],
    }


def split_bundles(dataset):
    """What each split's own encoder says; the run's own split is the first."""
    seed = CONFIG.pretrain.seeds[0]
    variants = [
        name for name in VARIANTS if name == "trained" or name.startswith("split")
    ]
    return [
        {
            "catalog": catalog(dataset, variant),
            "features": f"{RESULTS}/features/{dataset}/{variant}{seed}.zip",
        }
        for variant in variants
    ]


def evidence(dataset):
    """All that a benchmark reads, by its place in the table."""
    if dataset not in learned("trained"):
        raise WorkflowError(
            f"benchmark_{dataset}: it asks what pretraining saw and did not see, and pretrain.datasets has no "
            f"'{dataset}'; add it there, or ask for results/probe_{dataset}.json"
        )
    seed = CONFIG.pretrain.seeds[0]
    return {
        "probed": bundles(dataset),
        "elsewhere": bundles(CONFIG.benchmark.elsewhere),
        "splits": split_bundles(dataset),
        "retrieval": f"{RESULTS}/retrieval/{dataset}/apart{seed}.zip",
        "snapshots": {
            str(epoch): f"{RESULTS}/features/{dataset}/trained{seed}-epoch{epoch}.zip"
            for epoch in CONFIG.pretrain.snapshots
        },
    }


def swept_settings(dataset):
    """The settings of a sweep by name, the run's own among them, and what each is read from."""

    def trained(variant, changes):
        encoders = [f"{variant}{seed}" for seed in CONFIG.pretrain.seeds]
        return {
            "changes": changes,
            "features": [
                f"{RESULTS}/features/{dataset}/{name}.zip" for name in encoders
            ],
            "metrics": [
                f"{RESULTS}/encoders/{name}/metrics.jsonl" for name in encoders
            ],
        }

    return {
        "as configured": trained("trained", {}),
        **{
            name: trained(f"sweep-{name}-", changes)
            for name, changes in CONFIG.sweep.items()
        },
    }


def sweep_files(dataset):
    """The files that a sweep's comparison waits for."""
    swept = swept_settings(dataset).values()
    return [file for each in swept for file in [*each["features"], *each["metrics"]]]


def files(evidence):
    """The files in it."""
    if isinstance(evidence, str):
        return [evidence]
    parts = evidence.values() if isinstance(evidence, dict) else evidence
    return [file for part in parts for file in files(part)]


def write_resolved_config():
    """Write the whole configuration, defaults included, beside the results."""
    path = Path(RESOLVED_CONFIG)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(CONFIG.model_dump(mode="json"), sort_keys=False))


POINT_ARRAYS = {"xyz": 3, "normal": 3, "colour": 3, "first": 3, "identity": 2}
TARGET_ARRAYS = {"embedding": 3, "pose": 3, "colour": 3, "thumbnail": 4, "identity": 2}
# Probed data sets that a contact sheet can be drawn of.
DRAWN = [name for name in CONFIG.probe.datasets if has_meshes(SOURCES[name])]
PROBE_SETTINGS = settings(
    "probe", *[k for k in type(CONFIG.probe).model_fields if k != "datasets"]
)
# What every probe of a data set reads.
PROBED = dict(
    catalog=lambda w: catalog(w.dataset),
    trained=expand(
        f"{RESULTS}/features/{{{{dataset}}}}/trained{{seed}}.zip",
        seed=CONFIG.pretrain.seeds,
    ),
    random=expand(
        f"{RESULTS}/features/{{{{dataset}}}}/random{{seed}}.zip",
        seed=range(CONFIG.features.random_encoders),
    ),
    targets=lambda w: views_of(w.dataset),
)
# The archives that a rule can fetch, and a data set that each belongs to.
MODELNETS = {
    name: dataset
    for dataset, entry in SOURCES.items()
    if entry.kind == "modelnet"
    for name in downloads(entry)
}


wildcard_constraints:
    scan="|".join(SCANS),
    catalog="|".join(CATALOGS),
    points="|".join(POINTS),
    targets="|".join(TARGETS),
    sheet="|".join(SHEETS),
    weights="|".join(map(re.escape, WEIGHTS)),
    dataset="|".join(SOURCES),
    archive="|".join(MODELNETS),
    shard=r"\d+",
    encoder=rf"(random|{'|'.join(map(re.escape, VARIANTS))})\d+(-epoch\d+)?",
    variant="|".join(map(re.escape, VARIANTS)),
    seed=r"\d+",
    epoch=r"\d+",
