# features: features of every cloud, from a frozen encoder or from plain geometry.


rule features:
    input:
        points=lambda w: inputs.sealed(PLAN, PLAN.points(w.dataset)),
        encoder=RUN.encoder("{encoder}", "{seed}"),
        predictor=RUN.predictor("{encoder}", "{seed}"),
    output:
        RUN.features("{dataset}", "{encoder}", "{seed}"),
    log:
        RUN.log("features/{dataset}/{encoder}/{seed}"),
    benchmark:
        RUN.seconds("features/{dataset}/{encoder}/{seed}")
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000, {"/xyz/": 0.4}),
    params:
        settings=PLAN.settings("features"),
        points=lambda w: PLAN.points(w.dataset),
        cloud=lambda w: "{0.selection}:{0.points}".format(PLAN.protocol(w.dataset)),
        code=code("features extract"),
    shell:
        "OMP_NUM_THREADS={threads} python -m crossjepa features extract --settings {params.settings:q}"
        " --points {params.points} --cloud {params.cloud} --encoder {input.encoder}"
        " --predictor {input.predictor} --output {output} 2>&1 | tee {log}"


rule random_features:
    input:
        points=lambda w: inputs.sealed(PLAN, PLAN.points(w.dataset)),
    output:
        [RUN.features("{dataset}", "random", seed) for seed in PLAN.seeds("random")],
    log:
        RUN.log("features/{dataset}/random"),
    benchmark:
        RUN.seconds("features/{dataset}/random")
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000, {"/xyz/": 0.4}),
    params:
        settings=PLAN.settings("random_features"),
        points=lambda w: PLAN.points(w.dataset),
        cloud=lambda w: "{0.selection}:{0.points}".format(PLAN.protocol(w.dataset)),
        folder=lambda w, output: str(Path(output[0]).parent),
        code=code("features random"),
    shell:
        "OMP_NUM_THREADS={threads} python -m crossjepa features random --settings {params.settings:q}"
        " --points {params.points} --cloud {params.cloud} --output {params.folder} 2>&1 | tee {log}"


rule retrieval:
    input:
        lambda w: inputs.files(PLAN, inputs.retrieval(PLAN, w.dataset)),
        encoder=RUN.encoder("retrieval", CONFIG.pretrain.seeds[0]),
        predictor=RUN.predictor("retrieval", CONFIG.pretrain.seeds[0]),
    output:
        RUN.retrieval("{dataset}"),
    log:
        RUN.log("retrieval/{dataset}"),
    benchmark:
        RUN.seconds("retrieval/{dataset}")
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        settings=PLAN.settings("retrieval"),
        catalog=lambda w: PLAN.catalog(w.dataset, "retrieval"),
        points=lambda w: PLAN.points(w.dataset),
        targets=lambda w: PLAN.targets(w.dataset, "retrieval"),
        encoder=lambda w, input: str(Path(input.encoder).parent),
        code=code("features retrieve"),
    shell:
        "OMP_NUM_THREADS={threads} python -m crossjepa features retrieve --settings {params.settings:q}"
        " --catalog {params.catalog} --points {params.points} --targets {params.targets}"
        " --encoder {params.encoder} --output {output} 2>&1 | tee {log}"


rule geometry:
    input:
        points=lambda w: inputs.sealed(PLAN, PLAN.points(w.dataset)),
    output:
        RUN.geometry("{dataset}"),
    log:
        RUN.log("features/{dataset}/geometry"),
    benchmark:
        RUN.seconds("features/{dataset}/geometry")
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000, {"/xyz/": 0.3}),
    params:
        settings=PLAN.settings("features"),
        points=lambda w: PLAN.points(w.dataset),
        # Distances are counted in the unit sphere, which the untouched points of a file may leave.
        cloud=lambda w: f"farthest:{PLAN.protocol(w.dataset).points}",
        code=code("features geometry"),
    shell:
        "python -m crossjepa features geometry --settings {params.settings:q} --points {params.points}"
        " --cloud {params.cloud} --output {output} 2>&1 | tee {log}"
