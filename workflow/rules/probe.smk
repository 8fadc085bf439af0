# probe: linear classifiers on frozen features, beside their baselines.


rule probe:
    input:
        **PROBED,
        geometry=f"{RESULTS}/features/{{dataset}}/geometry.zip",
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        shards=lambda w: sealed_points(w.dataset),
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
        mem_mb=memory(2000),
    params:
        settings=PROBE_SETTINGS,
        source=lambda w: source(w.dataset),
        targets=lambda w: targets_option(w.dataset),
        run_config=RESOLVED_CONFIG,
        benchmarks=lambda w: benchmarks(w.dataset),
        code=code(
            "probe.command",
            "probe.evaluate",
            "probe.comparison",
            "probe.systems",
            "probe.summarise",
            "probe.provenance",
        ),
    shell:
        "python -m crossjepa probe linear --settings {params.settings:q} --dataset {wildcards.dataset}"
        " --source {params.source:q} --catalog {input.catalog} $(printf -- '--encoder %s ' {input.trained})"
        " $(printf -- '--random %s ' {input.random}) --geometry {input.geometry}"
        " --points $(dirname {input.points}) {params.targets}"
        " --run-config {params.run_config} {params.benchmarks} --threads {threads}"
        " --output {output} 2>&1 | tee {log}"


rule few_shot:
    input:
        **PROBED,
    output:
        report(
            f"{RESULTS}/fewshot_{{dataset}}.json",
            caption="../report/probe.rst",
            category="Probe",
        ),
    log:
        f"{RESULTS}/logs/probe/fewshot_{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/fewshot_{{dataset}}.tsv"
    conda:
        "../../envs/probe.yaml"
    threads: 2
    resources:
        mem_mb=memory(1500),
    params:
        settings=PROBE_SETTINGS,
        source=lambda w: source(w.dataset),
        targets=lambda w: targets_option(w.dataset),
        code=code("probe.command", "probe.fewshot", "probe.systems"),
    shell:
        "python -m crossjepa probe few-shot --settings {params.settings:q} --dataset {wildcards.dataset}"
        " --source {params.source:q} --catalog {input.catalog} $(printf -- '--encoder %s ' {input.trained})"
        " $(printf -- '--random %s ' {input.random}) {params.targets} --threads {threads}"
        " --output {output} 2>&1 | tee {log}"


rule label_efficiency:
    input:
        **PROBED,
    output:
        report(
            f"{RESULTS}/label_efficiency_{{dataset}}.json",
            caption="../report/probe.rst",
            category="Probe",
        ),
    log:
        f"{RESULTS}/logs/probe/label_efficiency_{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/label_efficiency_{{dataset}}.tsv"
    conda:
        "../../envs/probe.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
    params:
        settings=PROBE_SETTINGS,
        source=lambda w: source(w.dataset),
        targets=lambda w: targets_option(w.dataset),
        code=code("probe.command", "probe.label_efficiency", "probe.systems"),
    shell:
        "python -m crossjepa probe label-efficiency --settings {params.settings:q}"
        " --dataset {wildcards.dataset} --source {params.source:q} --catalog {input.catalog}"
        " $(printf -- '--encoder %s ' {input.trained}) $(printf -- '--random %s ' {input.random})"
        " {params.targets} --threads {threads} --output {output} 2>&1 | tee {log}"
