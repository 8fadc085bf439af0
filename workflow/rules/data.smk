# data: fetch meshes, list them, sample point clouds.


rule fetch_furniture:
    output:
        expand(
            "results/downloads/furniture/{name}", name=downloads(SOURCES["furniture"])
        ),
    log:
        "results/logs/data/fetch_furniture.log",
    benchmark:
        "results/benchmarks/data/fetch_furniture.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        source=source("furniture"),
        folder=lambda w, output: os.path.dirname(output[0]),
    shell:
        "python -m crossjepa data fetch --source {params.source:q} --output {params.folder}"
        " 2>&1 | tee {log}"


rule fetch_modelnet:
    output:
        "results/downloads/modelnet/{archive}",
    log:
        "results/logs/data/fetch_{archive}.log",
    benchmark:
        "results/benchmarks/data/fetch_{archive}.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    params:
        source=lambda w: SOURCES[MODELNETS[w.archive]].model_dump_json(
            include={"kind", "release", "categories"}
        ),
    shell:
        "python -m crossjepa data fetch --source {params.source:q} --output {output} 2>&1 | tee {log}"


rule scan:
    input:
        archives=lambda w: ancient(archives(SCANS[w.scan])),
    output:
        "results/data/{scan}/meshes.parquet",
    log:
        "results/logs/data/{scan}/scan.log",
    benchmark:
        "results/benchmarks/data/{scan}/scan.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=memory(1500),
    params:
        settings=settings("data", "max_faces"),
        source=lambda w: source(SCANS[w.scan]),
        archives=lambda w: archives_option(SCANS[w.scan]),
        listing=lambda w: listing(SCANS[w.scan]),
        code=lambda w: code(
            "data.command", "data.scan", "data.table", adapter(SCANS[w.scan])
        ),
    shell:
        "python -m crossjepa data scan --settings {params.settings:q} --source {params.source:q}"
        " {params.archives} --threads {threads} --meshes {output} 2>&1 | tee {log}"


rule catalog:
    input:
        meshes=lambda w: meshes(CATALOGS[w.catalog]),
        archives=lambda w: ancient(archives(CATALOGS[w.catalog])),
    output:
        "results/data/{catalog}/catalog.parquet",
    log:
        "results/logs/data/{catalog}/catalog.log",
    benchmark:
        "results/benchmarks/data/{catalog}/catalog.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=memory(1000),
    params:
        settings=lambda w: split_settings(SPLIT_BY[w.catalog]),
        source=lambda w: source(CATALOGS[w.catalog]),
        archives=lambda w: archives_option(CATALOGS[w.catalog]),
        labels=lambda w: labels(CATALOGS[w.catalog]),
        code=lambda w: code(
            "data.command", "data.catalog", "data.table", adapter(CATALOGS[w.catalog])
        ),
    shell:
        "python -m crossjepa data catalog --settings {params.settings:q} --source {params.source:q}"
        " {params.archives} --meshes {input.meshes} --output {output} 2>&1 | tee {log}"


rule points_layout:
    input:
        meshes=lambda w: meshes(POINTS[w.points]),
    output:
        store_metadata("results/points/{points}", POINT_ARRAYS),
    log:
        "results/logs/data/{points}/layout.log",
    benchmark:
        "results/benchmarks/data/{points}/layout.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        settings=SAMPLE_SETTINGS,
        cut=STORE_SETTINGS,
        store=lambda w, output: os.path.dirname(output[0]),
        source=lambda w: source(POINTS[w.points]),
        code=code("data.command", "data.sample", "data.table"),
    shell:
        "python -m crossjepa data layout --settings {params.settings:q} --store-settings {params.cut:q}"
        " --source {params.source:q} --meshes {input.meshes} --store {params.store} 2>&1 | tee {log}"


rule points:
    input:
        layout=store_metadata("results/points/{points}", POINT_ARRAYS),
        meshes=lambda w: meshes(POINTS[w.points]),
        archives=lambda w: ancient(archives(POINTS[w.points])),
    output:
        store_shard("results/points/{points}", POINT_ARRAYS, "{shard}"),
    log:
        "results/logs/data/{points}/{shard}.log",
    benchmark:
        "results/benchmarks/data/{points}/{shard}.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=memory(1000),
    params:
        settings=SAMPLE_SETTINGS,
        store=lambda w, input: os.path.dirname(input.layout[0]),
        source=lambda w: source(POINTS[w.points]),
        archives=lambda w: archives_option(POINTS[w.points]),
        code=lambda w: code(
            "data.command", "data.sample", "data.table", adapter(POINTS[w.points])
        ),
    shell:
        "python -m crossjepa data sample --settings {params.settings:q} --source {params.source:q}"
        " {params.archives} --meshes {input.meshes} --store {params.store}"
        " --shard {wildcards.shard} 2>&1 | tee {log}"


rule points_seal:
    input:
        layout=store_metadata("results/points/{points}", POINT_ARRAYS),
        shards=sealed("results/points/{points}", POINT_ARRAYS)[1:],
        meshes=lambda w: meshes(POINTS[w.points]),
    output:
        "results/points/{points}/manifest.json",
    log:
        "results/logs/data/{points}/seal.log",
    benchmark:
        "results/benchmarks/data/{points}/seal.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=memory(1000),
    params:
        settings=settings("data", "max_bad_fraction"),
        code=code("data.command", "data.table", "store.seal"),
    shell:
        "python -m crossjepa data seal --settings {params.settings:q} --meshes {input.meshes}"
        " --store $(dirname {output}) 2>&1 | tee {log}"
