# render: views of every mesh, kept only until the teacher has embedded them.


rule render:
    input:
        layout=paths.store_layout(paths.targets("{targets}"), TARGET_ARRAYS),
        meshes=lambda w: PLAN.meshes(of(w.targets).dataset),
        archives=lambda w: ancient(PLAN.archives(of(w.targets).dataset)),
    output:
        views(paths.views("{targets}", "{shard}")),
    log:
        paths.log("render/{targets}/{shard}"),
    benchmark:
        paths.seconds("render/{targets}/{shard}")
    conda:
        "../../envs/render.yaml"
    resources:
        mem_mb=memory(1500, of_objects=(0.002, lambda w: PLAN.listed(w.targets))),
    params:
        settings=lambda w: PLAN.settings_of("render", w.targets),
        dataset=lambda w: of(w.targets).dataset,
        store=lambda w: paths.targets(w.targets),
        code=lambda w: code("render views", dataset=of(w.targets).dataset),
    shell:
        "python -m crossjepa render views --settings {params.settings:q} --dataset {params.dataset}"
        " --meshes {input.meshes} --store {params.store} --shard {wildcards.shard} --output {output}"
        " 2>&1 | tee {log}"


rule contact_sheet:
    input:
        catalog=lambda w: PLAN.catalog(of(w.sheet).dataset),
        archives=lambda w: ancient(PLAN.archives(of(w.sheet).dataset)),
    output:
        paths.contact_sheet("{sheet}"),
    log:
        paths.log("render/contact_sheets/{sheet}"),
    benchmark:
        paths.seconds("render/contact_sheets/{sheet}")
    conda:
        "../../envs/render.yaml"
    resources:
        mem_mb=memory(1000, of_objects=(0.002, lambda w: PLAN.listed(w.sheet))),
    params:
        settings=lambda w: PLAN.settings_of("render", w.sheet),
        dataset=lambda w: of(w.sheet).dataset,
        code=lambda w: code("render contact-sheet", dataset=of(w.sheet).dataset),
    shell:
        "python -m crossjepa render contact-sheet --settings {params.settings:q}"
        " --dataset {params.dataset} --catalog {input.catalog} --output {output} 2>&1 | tee {log}"
