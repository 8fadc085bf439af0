# The workflow lives in workflow/; a root Snakefile makes `snakemake` work from a clone.
include: "workflow/Snakefile"


rule all:
    default_target: True
    input:
        rules.everything.input,
