# teacher: embed every view once, with a frozen image encoder.


rule teacher_weights:
    output:
        paths.weights_files(paths.weights("{weights}")),
    log:
        paths.log("teacher/{weights}"),
    benchmark:
        paths.seconds("teacher/{weights}")
    localrule: True
    conda:
        "../../envs/teacher.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        settings=lambda w: PLAN.settings_of("teacher_weights", w.weights),
        folder=lambda w: paths.weights(w.weights),
        code=code("teacher fetch"),
    shell:
        "python -m crossjepa teacher fetch --settings {params.settings:q} --output {params.folder}"
        " 2>&1 | tee {log}"


rule targets_layout:
    input:
        meshes=lambda w: PLAN.meshes(of(w.targets).dataset),
        weights=lambda w: paths.weights_files(PLAN.weights(w.targets)),
    output:
        paths.store_layout(paths.targets("{targets}"), TARGET_ARRAYS),
    log:
        paths.log("teacher/{targets}/layout"),
    benchmark:
        paths.seconds("teacher/{targets}/layout")
    conda:
        "../../envs/teacher.yaml"
    params:
        settings=lambda w: PLAN.settings_of("targets_layout", w.targets),
        dataset=lambda w: of(w.targets).dataset,
        weights=lambda w: PLAN.weights(w.targets),
        store=lambda w: paths.targets(w.targets),
        code=code("teacher layout"),
    shell:
        "python -m crossjepa teacher layout --settings {params.settings:q} --dataset {params.dataset}"
        " --meshes {input.meshes} --weights {params.weights} --store {params.store} 2>&1 | tee {log}"


rule teacher:
    input:
        layout=paths.store_layout(paths.targets("{targets}"), TARGET_ARRAYS),
        views=paths.views("{targets}", "{shard}"),
        weights=lambda w: paths.weights_files(PLAN.weights(w.targets)),
    output:
        paths.store_shard(paths.targets("{targets}"), TARGET_ARRAYS, "{shard}"),
    log:
        paths.log("teacher/{targets}/{shard}"),
    benchmark:
        paths.seconds("teacher/{targets}/{shard}")
    conda:
        "../../envs/teacher.yaml"
    resources:
        mem_mb=memory(1500),
    params:
        settings=lambda w: PLAN.settings_of("teacher", w.targets),
        weights=lambda w: PLAN.weights(w.targets),
        store=lambda w: paths.targets(w.targets),
        # Views are temporary, so a change of their code must rerun this rule as well.
        code=lambda w: code(
            "teacher embed", "render views", dataset=of(w.targets).dataset
        ),
    shell:
        "OMP_NUM_THREADS={threads} python -m crossjepa teacher embed --settings {params.settings:q}"
        " --weights {params.weights} --views {input.views} --store {params.store}"
        " --shard {wildcards.shard} 2>&1 | tee {log}"


rule targets_seal:
    input:
        layout=paths.store_layout(paths.targets("{targets}"), TARGET_ARRAYS),
        shards=paths.store_shards(
            paths.targets("{targets}"), TARGET_ARRAYS, CONFIG.store.shards
        ),
        meshes=lambda w: PLAN.meshes(of(w.targets).dataset),
    output:
        paths.manifest(paths.targets("{targets}")),
    log:
        paths.log("teacher/{targets}/seal"),
    benchmark:
        paths.seconds("teacher/{targets}/seal")
    conda:
        "../../envs/teacher.yaml"
    resources:
        mem_mb=memory(
            1000, {"meshes.parquet": 10, "/thumbnails/": 6 / CONFIG.store.shards}
        ),
    params:
        settings=PLAN.settings("seal"),
        store=lambda w: paths.targets(w.targets),
        code=code("store seal"),
    shell:
        "python -m crossjepa store seal --settings {params.settings:q} --meshes {input.meshes}"
        " --store {params.store} 2>&1 | tee {log}"
