# pretrain: one encoder per variant and seed.


rule pretrain:
    input:
        lambda w: inputs.files(PLAN, inputs.training(PLAN, w.variant)),
    output:
        # A finished encoder stays until the next one is there, and comes back if training fails.
        encoder=update(RUN.encoder("{variant}", "{seed}")),
        predictor=update(RUN.predictor("{variant}", "{seed}")),
        metrics=update(RUN.metrics("{variant}", "{seed}")),
    log:
        RUN.log("pretrain/{variant}/{seed}"),
    benchmark:
        RUN.seconds("pretrain/{variant}/{seed}")
    conda:
        "../../envs/pretrain.yaml"
    threads: 2
    resources:
        # All embeddings and thinned clouds are held in memory, with the patches of the clouds.
        mem_mb=memory(
            2500,
            {
                "/xyz/": 1.8 * CONFIG.pretrain.points / CONFIG.data.points,
                "/embedding/": 1.5,
            },
        ),
        # A profile may request several GPUs, and set the command that starts a process for each.
        gpu=0,
        nodes=1,
        launcher="",
    params:
        settings=lambda w: PLAN.settings("pretrain", variant=w.variant),
        inputs=lambda w: inputs.options(inputs.training(PLAN, w.variant)),
        start=lambda w: PLAN.start(w.variant),
        # Also holds the checkpoint. It is no declared output, or Snakemake would delete it before a rerun.
        folder=lambda w: RUN.encoder_folder(w.variant, w.seed),
        code=code("pretrain train"),
    # glibc would give a step's large blocks back to the kernel and get new ones, page by page, in the next step:
    # with these bounds in bytes it keeps them, which makes training on the CPU a tenth faster.
    shell:
        "MALLOC_MMAP_THRESHOLD_=134217728 MALLOC_TRIM_THRESHOLD_=536870912 OMP_NUM_THREADS={threads}"
        " {resources.launcher} python -m crossjepa pretrain train"
        " --settings {params.settings:q} {params.inputs} --seed {wildcards.seed}"
        " --devices {resources.nodes}x$(({resources.gpu} > {resources.nodes} ? {resources.gpu} / {resources.nodes} : 1))"
        " --code {params.code} --output {params.folder} 2>&1 | tee {log}"
