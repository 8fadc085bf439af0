# benchmark: every row and every question in one table.


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
    variants = [name for name in VARIANTS if name == "trained" or "split" in name]
    return [
        {
            "catalog": catalog(dataset, variant),
            "features": f"{RESULTS}/features/{dataset}/{variant}{seed}.zip",
            "retrieval": f"{RESULTS}/retrieval/{dataset}/{variant}{seed}.zip",
        }
        for variant in variants
    ]


def evidence(dataset):
    """All that a benchmark reads, by its place in the table."""
    seed = CONFIG.pretrain.seeds[0]
    return {
        "probed": bundles(dataset),
        "elsewhere": bundles(CONFIG.benchmark.elsewhere),
        "splits": split_bundles(dataset),
        "snapshots": {
            str(epoch): f"{RESULTS}/features/{dataset}/trained{seed}-epoch{epoch}.zip"
            for epoch in CONFIG.pretrain.snapshots
        },
    }


def files(evidence):
    """The files in it."""
    if isinstance(evidence, str):
        return [evidence]
    parts = evidence.values() if isinstance(evidence, dict) else evidence
    return [file for part in parts for file in files(part)]


rule benchmark:
    input:
        evidence=lambda w: files(evidence(w.dataset)),
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        shards=lambda w: [
            shard
            for dataset in (w.dataset, CONFIG.benchmark.elsewhere)
            for shard in [*sealed_points(dataset), *sealed_targets(dataset)]
        ],
        encoders=expand(
            f"{RESULTS}/encoders/trained{{seed}}/encoder.safetensors",
            seed=CONFIG.pretrain.seeds,
        ),
    output:
        json=report(
            f"{RESULTS}/benchmark_{{dataset}}.json",
            caption="../report/probe.rst",
            category="Benchmark",
        ),
        table=f"{RESULTS}/benchmark_{{dataset}}.md",
    log:
        f"{RESULTS}/logs/benchmark/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/benchmark/{{dataset}}.tsv"
    conda:
        "../../envs/benchmark.yaml"
    threads: 2
    resources:
        mem_mb=2000,
    params:
        settings=settings("benchmark"),
        probe=PROBE_SETTINGS,
        source=lambda w: source(w.dataset),
        evidence=lambda w: json.dumps(evidence(w.dataset), sort_keys=True),
        run_config=RESOLVED_CONFIG,
        pretraining=expand(
            f"--pretraining {RESULTS}/benchmarks/pretrain/trained/{{seed}}.tsv",
            seed=CONFIG.pretrain.seeds,
        ),
        benchmarks=lambda w: benchmarks(w.dataset),
        code=code(
            "benchmark.command",
            "benchmark.evaluate",
            "benchmark.retrieval",
            "benchmark.table",
            "probe.provenance",
        ),
    shell:
        "python -m crossjepa benchmark run --settings {params.settings:q} --probe {params.probe:q}"
        " --dataset {wildcards.dataset} --source {params.source:q} --evidence {params.evidence:q}"
        " --points $(dirname {input.points}) --run-config {params.run_config} {params.pretraining}"
        " {params.benchmarks} --threads {threads} --output {output.json} --table {output.table}"
        " 2>&1 | tee {log}"
