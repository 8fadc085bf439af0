# pretrain: one encoder a seed, and random-weight encoders of the same shape to stand beside it.


rule pretrain:
    input:
        catalog=catalog(CONFIG.pretrain.dataset),
        points=f"{point_store(CONFIG.pretrain.dataset)}/manifest.json",
        targets=f"{target_store(CONFIG.pretrain.dataset)}/manifest.json",
        shards=[
            *sealed_points(CONFIG.pretrain.dataset),
            *sealed_targets(CONFIG.pretrain.dataset),
        ],
    output:
        encoder=f"{RESULTS}/encoders/trained{{seed}}/encoder.safetensors",
        metrics=f"{RESULTS}/encoders/trained{{seed}}/metrics.jsonl",
    log:
        f"{RESULTS}/logs/pretrain/trained{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain/trained{{seed}}.tsv"
    conda:
        "../../envs/pretrain.yaml"
    threads: 2
    resources:
        mem_mb=3000,
    params:
        settings=settings(
            "pretrain",
            *[k for k in type(CONFIG.pretrain).model_fields if k != "seeds"],
        ),
        # Checkpoints lie outside the declared outputs, which Snakemake deletes before a rerun.
        state=f"{RESULTS}/checkpoints/{{seed}}",
        code=code(
            "pretrain.command",
            "pretrain.train",
            "pretrain.examples",
            "pretrain.artifact",
        ),
    shell:
        "python -m crossjepa pretrain train --settings {params.settings:q} --catalog {input.catalog}"
        " --points $(dirname {input.points}) --targets $(dirname {input.targets})"
        " --seed {wildcards.seed} --state {params.state} --code {params.code} --threads {threads}"
        " --encoder {output.encoder} --metrics {output.metrics} 2>&1 | tee {log}"


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
        mem_mb=1000,
    params:
        settings=settings("pretrain", "model"),
        code=code("pretrain.command", "pretrain.artifact", "model.sizes"),
    shell:
        "python -m crossjepa pretrain random --settings {params.settings:q} --seed {wildcards.seed}"
        " --encoder {output} 2>&1 | tee {log}"
