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
        targets=[views_of(dataset) for dataset in CONFIG.probe.datasets],
        sheets=[contact_sheet(dataset) for dataset in DRAWN],
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
        mem_mb=memory(1500),
    params:
        settings=settings("report"),
        run_config=RESOLVED_CONFIG,
        targets=[
            f"--targets {dataset}={target_store(dataset)}"
            for dataset in CONFIG.probe.datasets
            if views_of(dataset)
        ],
        sheets=[f"--sheet {dataset}={contact_sheet(dataset)}" for dataset in DRAWN],
        page=content("report/page.html"),
        code=code("report.command", "report.page"),
    shell:
        "python -m crossjepa report html --settings {params.settings:q}"
        " $(printf -- '--result %s ' {input.results}) $(printf -- '--features %s ' {input.features})"
        " $(printf -- '--catalog %s ' {input.catalogs})"
        " {params.targets} {params.sheets}"
        " $(printf -- '--metrics %s ' {input.metrics}) --run-config {params.run_config}"
        " --output {output} 2>&1 | tee {log}"


rule label_efficiency_plot:
    input:
        f"{RESULTS}/label_efficiency_{{dataset}}.json",
    output:
        report(
            f"{RESULTS}/label_efficiency_{{dataset}}.png",
            caption="../report/probe.rst",
            category="Probe",
        ),
    log:
        f"{RESULTS}/logs/label_efficiency_{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/label_efficiency_{{dataset}}.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code("report.command", "report.label_efficiency"),
    shell:
        "python -m crossjepa report label-efficiency --result {input} --output {output} 2>&1 | tee {log}"


rule training_plot:
    input:
        result=f"{RESULTS}/benchmark_{{dataset}}.json",
        metrics=expand(
            f"{RESULTS}/encoders/trained{{seed}}/metrics.jsonl",
            seed=CONFIG.pretrain.seeds,
        ),
    output:
        report(
            f"{RESULTS}/benchmark_{{dataset}}.png",
            caption="../report/probe.rst",
            category="Benchmark",
        ),
    log:
        f"{RESULTS}/logs/benchmark_plot/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/benchmark_plot/{{dataset}}.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code("report.command", "report.training", "report.log"),
    shell:
        "python -m crossjepa report training --result {input.result}"
        " $(printf -- '--metrics %s ' {input.metrics}) --output {output} 2>&1 | tee {log}"


rule sweep_plot:
    input:
        f"{RESULTS}/sweep_{{dataset}}.json",
    output:
        report(
            f"{RESULTS}/sweep_{{dataset}}.png",
            caption="../report/probe.rst",
            category="Sweep",
        ),
    log:
        f"{RESULTS}/logs/sweep_plot/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sweep_plot/{{dataset}}.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        code=code("report.command", "report.sweep"),
    shell:
        "python -m crossjepa report sweep --result {input} --output {output} 2>&1 | tee {log}"


rule summary:
    input:
        expand(f"{RESULTS}/probe_{{dataset}}.json", dataset=CONFIG.probe.datasets),
    output:
        markdown=f"{RESULTS}/summary.md",
        csv=f"{RESULTS}/summary.csv",
    log:
        f"{RESULTS}/logs/summary.log",
    benchmark:
        f"{RESULTS}/benchmarks/summary.tsv"
    conda:
        "../../envs/report.yaml"
    params:
        published=content("report/published.csv"),
        code=code("report.command", "report.summary"),
    shell:
        "python -m crossjepa report summary $(printf -- '--result %s ' {input})"
        " --markdown {output.markdown} --csv {output.csv} 2>&1 | tee {log}"
