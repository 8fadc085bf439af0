# report: one self-contained page for people, a summary beside published numbers, and the tables' plots.


rule report:
    input:
        inputs.files(PLAN, inputs.report(PLAN)),
    output:
        report(RUN.report, caption="../report/page.rst", category="Report"),
    log:
        RUN.log("report"),
    benchmark:
        RUN.seconds("report")
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=memory(1500, {".zip": 0.4}),
    params:
        settings=PLAN.settings("report"),
        inputs=inputs.options(inputs.report(PLAN) | {"config": [RUN.configuration]}),
        page=[
            sha256_file(ROOT / f"crossjepa/report/page.{kind}")
            for kind in ("html", "css", "js")
        ],
        code=code("report html"),
    shell:
        "python -m crossjepa report html --settings {params.settings:q} {params.inputs} --output {output}"
        " 2>&1 | tee {log}"


rule summary:
    input:
        results=[RUN.probe(dataset) for dataset in CONFIG.probe.datasets],
    output:
        markdown=RUN.summary("md"),
        csv=RUN.summary("csv"),
    log:
        RUN.log("summary"),
    benchmark:
        RUN.seconds("summary")
    conda:
        "../../envs/report.yaml"
    params:
        inputs=lambda w, input: inputs.options({"result": input.results}),
        published=sha256_file(ROOT / "crossjepa/report/published.csv"),
        code=code("report summary"),
    shell:
        "python -m crossjepa report summary {params.inputs} --output {output.markdown} 2>&1 | tee {log}"


rule plot:
    input:
        lambda w: inputs.files(PLAN, inputs.plot(PLAN, w.table, w.dataset)),
    output:
        report(
            RUN.table("{table}", "{dataset}", "png"),
            caption="../report/probe.rst",
            category="Tables",
        ),
    log:
        RUN.log("plot/{table}_{dataset}"),
    benchmark:
        RUN.seconds("plot/{table}_{dataset}")
    conda:
        "../../envs/report.yaml"
    params:
        inputs=lambda w: inputs.options(inputs.plot(PLAN, w.table, w.dataset)),
        code=code("report plot"),
    shell:
        "python -m crossjepa report plot {params.inputs} --output {output} 2>&1 | tee {log}"


rule audit:
    input:
        lambda w: inputs.files(PLAN, inputs.audit(PLAN, w.dataset)),
    output:
        html=report(
            RUN.audit("{dataset}", "html"),
            caption="../report/audit.rst",
            category="Audit",
        ),
        csv=RUN.audit("{dataset}", "csv"),
    log:
        RUN.log("audit/{dataset}"),
    benchmark:
        RUN.seconds("audit/{dataset}")
    conda:
        "../../envs/report.yaml"
    threads: 2
    resources:
        mem_mb=memory(1500, {"/xyz/": 0.4}),
    params:
        settings=PLAN.settings("audit"),
        inputs=lambda w: inputs.options(inputs.audit(PLAN, w.dataset)),
        page=sha256_file(ROOT / "crossjepa/audit/page.html"),
        code=code("report audit"),
    shell:
        "python -m crossjepa report audit --settings {params.settings:q} --dataset {wildcards.dataset}"
        " {params.inputs} --threads {threads} --output {output.html} 2>&1 | tee {log}"
