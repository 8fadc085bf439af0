# render: views of every mesh, kept only until the teacher has seen them.


rule render:
    input:
        layout=store_metadata("results/targets/{targets}", TARGET_ARRAYS),
        meshes=lambda w: meshes(TARGETS[w.targets]),
        archives=lambda w: ancient(archives(TARGETS[w.targets])),
    output:
        views("results/views/{targets}/{shard}.zip"),
    log:
        "results/logs/render/{targets}/{shard}.log",
    benchmark:
        "results/benchmarks/render/{targets}/{shard}.tsv"
    conda:
        "../../envs/render.yaml"
    resources:
        mem_mb=memory(1500),
    params:
        settings=lambda w: render_settings(TAUGHT_BY[w.targets]),
        store=lambda w, input: os.path.dirname(input.layout[0]),
        source=lambda w: source(TARGETS[w.targets]),
        archives=lambda w: archives_option(TARGETS[w.targets]),
        code=lambda w: code(
            "render.command",
            "render.views",
            "render.cameras",
            "render.renderer",
            "data.table",
            "store.sharded",
            adapter(TARGETS[w.targets]),
        ),
    shell:
        "python -m crossjepa render views --settings {params.settings:q} --source {params.source:q}"
        " {params.archives} --meshes {input.meshes} --store {params.store}"
        " --shard {wildcards.shard} --output {output} 2>&1 | tee {log}"


rule contact_sheet:
    input:
        catalog=lambda w: catalog(SHEETS[w.sheet]),
        archives=lambda w: ancient(archives(SHEETS[w.sheet])),
    output:
        "results/contact_sheets/{sheet}.png",
    log:
        "results/logs/render/contact_sheets/{sheet}.log",
    benchmark:
        "results/benchmarks/render/contact_sheets/{sheet}.tsv"
    conda:
        "../../envs/render.yaml"
    resources:
        mem_mb=memory(1000),
    params:
        settings=render_settings(),
        source=lambda w: source(SHEETS[w.sheet]),
        archives=lambda w: archives_option(SHEETS[w.sheet]),
        title=lambda w: SHEETS[w.sheet],
        code=lambda w: code(
            "render.command",
            "render.contact_sheet",
            "data.table",
            adapter(SHEETS[w.sheet]),
        ),
    shell:
        "python -m crossjepa render contact-sheet --settings {params.settings:q}"
        " --source {params.source:q} {params.archives} --catalog {input.catalog}"
        " --title {params.title:q} --output {output} 2>&1 | tee {log}"
