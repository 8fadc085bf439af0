# teacher: embed every view once, with a frozen image encoder.


rule teacher_weights:
    output:
        multiext("results/weights/{weights}/", "teacher.json", "config.json"),
    log:
        "results/logs/teacher/{weights}.log",
    benchmark:
        "results/benchmarks/teacher/{weights}.tsv"
    localrule: True
    conda:
        "../../envs/teacher.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        settings=lambda w: settings(
            "teacher", "name", "revision", "path", of=VARIANTS[WEIGHTS[w.weights]]
        ),
        folder=lambda w, output: os.path.dirname(output[0]),
        code=code("teacher.command", "teacher.weights"),
    shell:
        "python -m crossjepa teacher fetch --settings {params.settings:q}"
        " --folder {params.folder} 2>&1 | tee {log}"


rule targets_layout:
    input:
        meshes=lambda w: meshes(TARGETS[w.targets]),
        weights=lambda w: teacher_weights(w.targets),
    output:
        store_metadata("results/targets/{targets}", TARGET_ARRAYS),
    log:
        "results/logs/teacher/{targets}/layout.log",
    benchmark:
        "results/benchmarks/teacher/{targets}/layout.tsv"
    conda:
        "../../envs/teacher.yaml"
    params:
        settings=lambda w: teacher_settings(TAUGHT_BY[w.targets]),
        render=lambda w: render_settings(TAUGHT_BY[w.targets]),
        cut=STORE_SETTINGS,
        store=lambda w, output: os.path.dirname(output[0]),
        weights=lambda w, input: os.path.dirname(input.weights[0]),
        source=lambda w: source(TARGETS[w.targets]),
        code=code("teacher.command", "teacher.weights", "data.table"),
    shell:
        "python -m crossjepa teacher layout --settings {params.settings:q} --render {params.render:q}"
        " --store-settings {params.cut:q} --source {params.source:q} --meshes {input.meshes}"
        " --weights {params.weights} --store {params.store} 2>&1 | tee {log}"


rule teacher:
    input:
        layout=store_metadata("results/targets/{targets}", TARGET_ARRAYS),
        views="results/views/{targets}/{shard}.zip",
        weights=lambda w: teacher_weights(w.targets),
    output:
        store_shard("results/targets/{targets}", TARGET_ARRAYS, "{shard}"),
    log:
        "results/logs/teacher/{targets}/{shard}.log",
    benchmark:
        "results/benchmarks/teacher/{targets}/{shard}.tsv"
    conda:
        "../../envs/teacher.yaml"
    resources:
        mem_mb=memory(1500),
    params:
        settings=lambda w: teacher_settings(TAUGHT_BY[w.targets]),
        render=lambda w: render_settings(TAUGHT_BY[w.targets]),
        store=lambda w, input: os.path.dirname(input.layout[0]),
        weights=lambda w, input: os.path.dirname(input.weights[0]),
        # Views are gone when their code changes: the code behind them is this rule's as well.
        code=lambda w: code(
            "teacher.command",
            "teacher.embed",
            "render.command",
            "render.views",
            adapter(TARGETS[w.targets]),
        ),
    shell:
        "python -m crossjepa teacher embed --settings {params.settings:q} --views {input.views}"
        " --weights {params.weights} --store {params.store}"
        " --shard {wildcards.shard} --threads {threads} 2>&1 | tee {log}"


rule targets_seal:
    input:
        layout=store_metadata("results/targets/{targets}", TARGET_ARRAYS),
        shards=sealed("results/targets/{targets}", TARGET_ARRAYS)[1:],
        meshes=lambda w: meshes(TARGETS[w.targets]),
    output:
        "results/targets/{targets}/manifest.json",
    log:
        "results/logs/teacher/{targets}/seal.log",
    benchmark:
        "results/benchmarks/teacher/{targets}/seal.tsv"
    conda:
        "../../envs/teacher.yaml"
    resources:
        mem_mb=memory(1000),
    params:
        max_bad_fraction=CONFIG.data.max_bad_fraction,
        code=code("teacher.command", "data.table", "store.seal"),
    shell:
        "python -m crossjepa teacher seal --max-bad-fraction {params.max_bad_fraction}"
        " --meshes {input.meshes} --store $(dirname {output}) 2>&1 | tee {log}"
