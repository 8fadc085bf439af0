# features: what a frozen encoder, or plain geometry, says of every cloud.


rule features:
    input:
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        shards=lambda w: sealed_points(w.dataset),
        encoder=f"{RESULTS}/encoders/{{encoder}}/encoder.safetensors",
        predictor=lambda w: predictor(w.encoder),
    output:
        f"{RESULTS}/features/{{dataset}}/{{encoder}}.zip",
    log:
        f"{RESULTS}/logs/features/{{dataset}}/{{encoder}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}/{{encoder}}.tsv"
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        settings=settings("features", "turn_seed", "block"),
        selection=lambda w: probed_as(w.dataset).selection,
        cloud_points=lambda w: probed_as(w.dataset).points,
        predictor=lambda w, input: (
            f"--predictor {input.predictor}" if input.predictor else ""
        ),
        code=code("features.command", "features.extract", "pretrain.artifact"),
    shell:
        "python -m crossjepa features extract --settings {params.settings:q}"
        " --points $(dirname {input.points}) --selection {params.selection}"
        " --cloud-points {params.cloud_points}"
        " --encoder {input.encoder} {params.predictor} --threads {threads} --output {output} 2>&1 | tee {log}"


rule retrieval:
    input:
        catalog=lambda w: catalog(w.dataset, "apart"),
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        targets=lambda w: f"{target_store(w.dataset)}/manifest.json",
        shards=lambda w: [*sealed_points(w.dataset), *sealed_targets(w.dataset)],
        encoder=f"{RESULTS}/encoders/apart{{seed}}/encoder.safetensors",
        predictor=f"{RESULTS}/encoders/apart{{seed}}/predictor.safetensors",
    output:
        f"{RESULTS}/retrieval/{{dataset}}/apart{{seed}}.zip",
    log:
        f"{RESULTS}/logs/retrieval/{{dataset}}/apart{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/retrieval/{{dataset}}/apart{{seed}}.tsv"
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        objects=CONFIG.benchmark.gallery,
        cloud_points=lambda w: probed_as(w.dataset).points,
        code=code(
            "features.command",
            "features.extract",
            "features.retrieve",
            "pretrain.artifact",
            "store.bundle",
        ),
    shell:
        "python -m crossjepa features retrieve --catalog {input.catalog}"
        " --points $(dirname {input.points}) --targets $(dirname {input.targets})"
        " --objects {params.objects} --cloud-points {params.cloud_points} --encoder {input.encoder}"
        " --predictor {input.predictor} --threads {threads} --output {output} 2>&1 | tee {log}"


rule geometry:
    input:
        points=lambda w: f"{point_store(w.dataset)}/manifest.json",
        shards=lambda w: sealed_points(w.dataset),
    output:
        f"{RESULTS}/features/{{dataset}}/geometry.zip",
    log:
        f"{RESULTS}/logs/features/{{dataset}}/geometry.log",
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}/geometry.tsv"
    conda:
        "../../envs/features.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        settings=settings("features", "turn_seed"),
        cloud_points=lambda w: probed_as(w.dataset).points,
        code=code("features.command", "features.extract", "features.geometry"),
    shell:
        "python -m crossjepa features geometry --settings {params.settings:q}"
        " --points $(dirname {input.points}) --cloud-points {params.cloud_points}"
        " --output {output} 2>&1 | tee {log}"
