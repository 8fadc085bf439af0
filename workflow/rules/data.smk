# data: fetch meshes, list them, sample point clouds.


rule fetch_furniture:
    output:
        [
            paths.download("furniture", name)
            for name in downloads(PLAN.sources["furniture"])
        ],
    log:
        paths.log("data/fetch_furniture"),
    benchmark:
        paths.seconds("data/fetch_furniture")
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        folder=lambda w: paths.download("furniture"),
    shell:
        "python -m crossjepa data fetch --settings '{{}}' --dataset furniture --output {params.folder}"
        " 2>&1 | tee {log}"


rule fetch:
    output:
        paths.download("{download}"),
    log:
        paths.log("data/fetch_{download}"),
    benchmark:
        paths.seconds("data/fetch_{download}")
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        settings=lambda w: PLAN.release_settings(DOWNLOADS[w.download]),
        dataset=lambda w: DOWNLOADS[w.download],
    shell:
        "python -m crossjepa data fetch --settings {params.settings:q} --dataset {params.dataset}"
        " --output {output} 2>&1 | tee {log}"


rule scan:
    input:
        archives=lambda w: ancient(PLAN.archives(of(w.scan).dataset)),
    output:
        paths.meshes("{scan}"),
    log:
        paths.log("data/{scan}/scan"),
    benchmark:
        paths.seconds("data/{scan}/scan")
    conda:
        "../../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=memory(1500, of_objects=(0.005, lambda w: PLAN.listed(w.scan))),
    params:
        settings=lambda w: PLAN.settings_of("scan", w.scan),
        dataset=lambda w: of(w.scan).dataset,
        content=lambda w: content_digest(PLAN.sources[of(w.scan).dataset]),
        code=lambda w: code("data scan", dataset=of(w.scan).dataset),
    shell:
        "python -m crossjepa data scan --settings {params.settings:q} --dataset {params.dataset}"
        " --threads {threads} --output {output} 2>&1 | tee {log}"


rule catalog:
    input:
        meshes=lambda w: PLAN.meshes(of(w.catalog).dataset),
        archives=lambda w: ancient(PLAN.archives(of(w.catalog).dataset)),
    output:
        paths.catalog("{catalog}"),
    log:
        paths.log("data/{catalog}/catalog"),
    benchmark:
        paths.seconds("data/{catalog}/catalog")
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=memory(1000, of_objects=(0.002, lambda w: PLAN.listed(w.catalog))),
    params:
        settings=lambda w: PLAN.settings_of("catalog", w.catalog),
        dataset=lambda w: of(w.catalog).dataset,
        labels=lambda w: PLAN.labels(of(w.catalog).dataset),
        code=lambda w: code("data catalog", dataset=of(w.catalog).dataset),
    shell:
        "python -m crossjepa data catalog --settings {params.settings:q} --dataset {params.dataset}"
        " --meshes {input.meshes} --output {output} 2>&1 | tee {log}"


rule points_layout:
    input:
        meshes=lambda w: PLAN.meshes(of(w.points).dataset),
    output:
        paths.store_layout(paths.points("{points}"), POINT_ARRAYS),
    log:
        paths.log("data/{points}/layout"),
    benchmark:
        paths.seconds("data/{points}/layout")
    conda:
        "../../envs/data.yaml"
    params:
        settings=lambda w: PLAN.settings_of("points_layout", w.points),
        dataset=lambda w: of(w.points).dataset,
        store=lambda w: paths.points(w.points),
        code=code("data layout"),
    shell:
        "python -m crossjepa data layout --settings {params.settings:q} --dataset {params.dataset}"
        " --meshes {input.meshes} --store {params.store} 2>&1 | tee {log}"


rule points:
    input:
        layout=paths.store_layout(paths.points("{points}"), POINT_ARRAYS),
        meshes=lambda w: PLAN.meshes(of(w.points).dataset),
        archives=lambda w: ancient(PLAN.archives(of(w.points).dataset)),
    output:
        paths.store_shard(paths.points("{points}"), POINT_ARRAYS, "{shard}"),
    log:
        paths.log("data/{points}/{shard}"),
    benchmark:
        paths.seconds("data/{points}/{shard}")
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=memory(1000, of_objects=(0.002, lambda w: PLAN.listed(w.points))),
    params:
        settings=lambda w: PLAN.settings_of("points", w.points),
        dataset=lambda w: of(w.points).dataset,
        store=lambda w: paths.points(w.points),
        code=lambda w: code("data sample", dataset=of(w.points).dataset),
    shell:
        "python -m crossjepa data sample --settings {params.settings:q} --dataset {params.dataset}"
        " --meshes {input.meshes} --store {params.store} --shard {wildcards.shard} 2>&1 | tee {log}"


rule points_seal:
    input:
        layout=paths.store_layout(paths.points("{points}"), POINT_ARRAYS),
        shards=paths.store_shards(
            paths.points("{points}"), POINT_ARRAYS, CONFIG.store.shards
        ),
        meshes=lambda w: PLAN.meshes(of(w.points).dataset),
    output:
        paths.manifest(paths.points("{points}")),
    log:
        paths.log("data/{points}/seal"),
    benchmark:
        paths.seconds("data/{points}/seal")
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=memory(1000, {"meshes.parquet": 10, "/xyz/": 3 / CONFIG.store.shards}),
    params:
        settings=PLAN.settings("seal"),
        store=lambda w: paths.points(w.points),
        code=code("store seal"),
    shell:
        "python -m crossjepa store seal --settings {params.settings:q} --meshes {input.meshes}"
        " --store {params.store} 2>&1 | tee {log}"
