# report: one self-contained page for people.


rule report:
    input:
        results=expand(
            f"{RESULTS}/probe_{{dataset}}.json", dataset=CONFIG.probe.datasets
        ),
        features=expand(
            f"{RESULTS}/features/{{dataset}}/trained{CONFIG.pretrain.seeds[0]}.zip",
            dataset=CONFIG.probe.datasets,
        ),
        catalogs=[catalog(dataset) for dataset in CONFIG.probe.datasets],
        targets=[
            f"{target_store(dataset)}/manifest.json"
            for dataset in CONFIG.probe.datasets
        ],
        shards=[sealed_targets(dataset) for dataset in CONFIG.probe.datasets],
        sheets=[contact_sheet(dataset) for dataset in CONFIG.probe.datasets],
        metrics=expand(
            f"{RESULTS}/encoders/trained{{seed}}/metrics.jsonl",
            seed=CONFIG.pretrain.seeds,
        ),
    output:
        report(
            f"{RESULTS}/report.html", caption="../report/page.rst", category="Report"
        ),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1500,
    params:
        settings=settings("report"),
        run_config=RESOLVED_CONFIG,
        code=code("report.command", "report.page"),
    shell:
        "python -m crossjepa report html --settings {params.settings:q}"
        " $(printf -- '--result %s ' {input.results}) $(printf -- '--features %s ' {input.features})"
        " $(printf -- '--catalog %s ' {input.catalogs})"
        " $(dirname {input.targets} | sed 's/^/--targets /') $(printf -- '--sheet %s ' {input.sheets})"
        " $(printf -- '--metrics %s ' {input.metrics}) --run-config {params.run_config}"
        " --output {output} 2>&1 | tee {log}"
