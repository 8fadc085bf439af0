# probe: answers of linear classifiers on frozen features, and the results and tables that sum them up.


rule answers:
    input:
        lambda w: inputs.files(PLAN, inputs.answers(PLAN, w.dataset, w.suite)),
    output:
        RUN.answers("{dataset}", "{suite}"),
    log:
        RUN.log("answers/{dataset}/{suite}"),
    benchmark:
        RUN.seconds("answers/{dataset}/{suite}")
    conda:
        "../../envs/probe.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000, {".zip": 1.5}),
    params:
        settings=lambda w: PLAN.settings(
            "answers_benchmark" if w.suite == "benchmark" else "answers", w.dataset
        ),
        inputs=lambda w: inputs.options(inputs.answers(PLAN, w.dataset, w.suite)),
        code=code("probe answer"),
    shell:
        "python -m crossjepa probe answer --settings {params.settings:q} --dataset {wildcards.dataset}"
        " --suite {wildcards.suite} {params.inputs} --threads {threads} --output {output} 2>&1 | tee {log}"


rule probe:
    input:
        lambda w: inputs.files(PLAN, inputs.probe(PLAN, w.dataset)),
    output:
        report(RUN.probe("{dataset}"), caption="../report/probe.rst", category="Probe"),
    log:
        RUN.log("probe/{dataset}"),
    benchmark:
        RUN.seconds("probe/{dataset}")
    conda:
        "../../envs/probe.yaml"
    resources:
        mem_mb=memory(1000, {".zip": 0.1}),
    params:
        settings=lambda w: PLAN.settings("probe", w.dataset),
        inputs=lambda w: inputs.options(
            inputs.probe(PLAN, w.dataset) | inputs.accounts(PLAN, w.dataset)
        ),
        code=code("probe result"),
    shell:
        "python -m crossjepa probe result --settings {params.settings:q} --dataset {wildcards.dataset}"
        " {params.inputs} --output {output} 2>&1 | tee {log}"


rule table:
    input:
        lambda w: inputs.files(PLAN, inputs.table(PLAN, w.table, w.dataset)),
    output:
        json=report(
            RUN.table("{table}", "{dataset}"),
            caption="../report/probe.rst",
            category="Tables",
        ),
        markdown=RUN.table("{table}", "{dataset}", "md"),
    log:
        RUN.log("{table}/{dataset}"),
    benchmark:
        RUN.seconds("{table}/{dataset}")
    conda:
        "../../envs/probe.yaml"
    resources:
        mem_mb=memory(1000, {".zip": 0.1}),
    params:
        settings=lambda w: PLAN.settings(
            "table_sweep" if w.table == "sweep" else "probe", w.dataset
        ),
        suite=lambda w: TABLES[w.table],
        inputs=lambda w: inputs.options(
            inputs.table(PLAN, w.table, w.dataset) | inputs.accounts(PLAN, w.dataset)
        ),
        code=code("probe table"),
    shell:
        "python -m crossjepa probe table --settings {params.settings:q} --dataset {wildcards.dataset}"
        " --suite {params.suite} {params.inputs} --output {output.json} 2>&1 | tee {log}"


rule predictions:
    input:
        lambda w: inputs.files(PLAN, inputs.predictions(PLAN, w.dataset)),
    output:
        RUN.predictions("{dataset}"),
    log:
        RUN.log("predictions/{dataset}"),
    benchmark:
        RUN.seconds("predictions/{dataset}")
    conda:
        "../../envs/probe.yaml"
    threads: 2
    resources:
        mem_mb=memory(1500, {"/xyz/": 0.4}),
    params:
        settings=PLAN.settings("predictions"),
        inputs=lambda w: inputs.options(inputs.predictions(PLAN, w.dataset)),
        code=code("probe predict"),
    shell:
        "python -m crossjepa probe predict --settings {params.settings:q} {params.inputs}"
        " --threads {threads} --output {output} 2>&1 | tee {log}"
