# benchmark: every row and every question in one table.


rule benchmark:
    input:
        evidence=lambda w: files(evidence(w.dataset)),
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        shards=lambda w: [
            shard
            for dataset in (w.dataset, CONFIG.benchmark.elsewhere)
            for shard in [*sealed_points(dataset), *sealed_targets(dataset)]
        ],
        logs=expand(
            f"{RESULTS}/encoders/trained{{seed}}/metrics.jsonl",
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
        mem_mb=memory(2000),
    params:
        settings=settings("benchmark"),
        probe=PROBE_SETTINGS,
        source=lambda w: source(w.dataset),
        evidence=lambda w: json.dumps(evidence(w.dataset), sort_keys=True),
        run_config=RESOLVED_CONFIG,
        pretraining=expand(
            f"--pretraining {RESULTS}/encoders/trained{{seed}}/metrics.jsonl",
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


rule sweep:
    input:
        catalog=lambda w: catalog(w.dataset),
        evidence=lambda w: sweep_files(w.dataset),
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
    output:
        json=report(
            f"{RESULTS}/sweep_{{dataset}}.json",
            caption="../report/probe.rst",
            category="Sweep",
        ),
        table=f"{RESULTS}/sweep_{{dataset}}.md",
    log:
        f"{RESULTS}/logs/sweep/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sweep/{{dataset}}.tsv"
    conda:
        "../../envs/benchmark.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
    params:
        probe=PROBE_SETTINGS,
        source=lambda w: source(w.dataset),
        settings=lambda w: json.dumps(swept_settings(w.dataset), sort_keys=True),
        run_config=RESOLVED_CONFIG,
        code=code(
            "benchmark.command",
            "benchmark.sweep",
            "benchmark.sweep_table",
            "probe.provenance",
        ),
    shell:
        "python -m crossjepa benchmark sweep --probe {params.probe:q} --dataset {wildcards.dataset}"
        " --source {params.source:q} --settings {params.settings:q} --catalog {input.catalog}"
        " --points $(dirname {input.points}) --run-config {params.run_config} --threads {threads}"
        " --output {output.json} --table {output.table} 2>&1 | tee {log}"
