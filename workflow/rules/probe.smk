# probe: linear classifiers on frozen features, beside their baselines.


rule probe:
    input:
        catalog=lambda w: catalog(w.dataset),
        trained=expand(
            f"{RESULTS}/features/{{{{dataset}}}}/trained{{seed}}.zip",
            seed=CONFIG.pretrain.seeds,
        ),
        random=expand(
            f"{RESULTS}/features/{{{{dataset}}}}/random{{seed}}.zip",
            seed=range(CONFIG.features.random_encoders),
        ),
        geometry=f"{RESULTS}/features/{{dataset}}/geometry.zip",
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        targets=lambda w: f"{target_store(w.dataset)}/manifest.json",
        shards=lambda w: [*sealed_points(w.dataset), *sealed_targets(w.dataset)],
    output:
        report(
            f"{RESULTS}/probe_{{dataset}}.json",
            caption="../report/probe.rst",
            category="Probe",
        ),
    log:
        f"{RESULTS}/logs/probe/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/{{dataset}}.tsv"
    conda:
        "../../envs/probe.yaml"
    threads: 2
    resources:
        mem_mb=1500,
    params:
        settings=settings(
            "probe", *[k for k in type(CONFIG.probe).model_fields if k != "datasets"]
        ),
        run_config=RESOLVED_CONFIG,
        benchmarks=lambda w: benchmarks(w.dataset),
        code=code(
            "probe.command",
            "probe.evaluate",
            "probe.features",
            "probe.summarise",
            "probe.provenance",
        ),
    shell:
        "python -m crossjepa probe linear --settings {params.settings:q} --dataset {wildcards.dataset}"
        " --catalog {input.catalog} $(printf -- '--encoder %s ' {input.trained})"
        " $(printf -- '--random %s ' {input.random}) --geometry {input.geometry}"
        " --points $(dirname {input.points}) --targets $(dirname {input.targets})"
        " --run-config {params.run_config} {params.benchmarks} --threads {threads}"
        " --output {output} 2>&1 | tee {log}"
