# pretrain: one encoder a seed, and random-weight encoders of the same shape to stand beside it.


rule pretrain:
    input:
        catalogs=lambda w: [
            catalog(dataset, w.variant) for dataset in learned(w.variant)
        ],
        points=lambda w: [
            f"{point_store(dataset)}/manifest.json" for dataset in learned(w.variant)
        ],
        targets=lambda w: [
            f"{target_store(dataset, w.variant)}/manifest.json"
            for dataset in learned(w.variant)
        ],
        shards=lambda w: [
            shard
            for dataset in learned(w.variant)
            for shard in [
                *sealed_points(dataset),
                *sealed_targets(dataset, w.variant),
            ]
        ],
    output:
        encoder=f"{RESULTS}/encoders/{{variant}}{{seed}}/encoder.safetensors",
        predictor=f"{RESULTS}/encoders/{{variant}}{{seed}}/predictor.safetensors",
        metrics=f"{RESULTS}/encoders/{{variant}}{{seed}}/metrics.jsonl",
        # In one file: of a job with an output that is new and not asked for, Snakemake compares no settings.
        snapshots=f"{RESULTS}/encoders/{{variant}}{{seed}}/snapshots.zip",
    log:
        f"{RESULTS}/logs/pretrain/{{variant}}{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain/{{variant}}/{{seed}}.tsv"
    conda:
        "../../envs/pretrain.yaml"
    threads: 2
    resources:
        mem_mb=memory(3000),
        # A profile may ask for several GPUs, and for what starts a process on each of several nodes.
        gpu=0,
        nodes=1,
        launcher="",
    params:
        settings=lambda w: settings(
            "pretrain",
            *[k for k in type(CONFIG.pretrain).model_fields if k != "seeds"],
            of=VARIANTS[w.variant],
        ),
        # Checkpoints lie outside the declared outputs, which Snakemake deletes before a rerun.
        state=f"{RESULTS}/checkpoints/{{variant}}{{seed}}",
        code=code(
            "pretrain.command",
            "pretrain.train",
            "pretrain.examples",
            "pretrain.artifact",
        ),
    shell:
        "{resources.launcher} python -m crossjepa pretrain train --settings {params.settings:q}"
        " $(printf -- '--catalog %s ' {input.catalogs})"
        " $(dirname {input.points} | xargs printf -- '--points %s ')"
        " $(dirname {input.targets} | xargs printf -- '--targets %s ')"
        " --seed {wildcards.seed} --state {params.state} --code {params.code} --threads {threads}"
        " --nodes {resources.nodes}"
        " --devices $(( {resources.gpu} > {resources.nodes} ? {resources.gpu} / {resources.nodes} : 1 ))"
        " --encoder {output.encoder} --predictor {output.predictor} --metrics {output.metrics}"
        " --snapshots {output.snapshots} 2>&1 | tee {log}"


rule snapshot:
    input:
        f"{RESULTS}/encoders/{{variant}}{{seed}}/snapshots.zip",
    output:
        f"{RESULTS}/encoders/{{variant}}{{seed}}-epoch{{epoch}}/encoder.safetensors",
    log:
        f"{RESULTS}/logs/pretrain/{{variant}}{{seed}}-epoch{{epoch}}.log",
    localrule: True
    conda:
        "../../envs/pretrain.yaml"
    params:
        code=code("pretrain.command"),
    shell:
        "python -m crossjepa pretrain snapshot --snapshots {input} --epoch {wildcards.epoch}"
        " --encoder {output} 2>&1 | tee {log}"


rule random_encoder:
    output:
        f"{RESULTS}/encoders/random{{seed}}/encoder.safetensors",
    log:
        f"{RESULTS}/logs/pretrain/random{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/random_encoders/{{seed}}.tsv"
    conda:
        "../../envs/pretrain.yaml"
    resources:
        mem_mb=memory(1000),
    params:
        settings=settings("pretrain", "model"),
        code=code("pretrain.command", "pretrain.artifact", "model.sizes"),
    shell:
        "python -m crossjepa pretrain random --settings {params.settings:q} --seed {wildcards.seed}"
        " --encoder {output} 2>&1 | tee {log}"
