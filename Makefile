# make setup   everything in .venv, as constraints.txt pins it, and a check that this machine can render without a screen
# make demo    meshes to report on the default data set
# make test    every check and every test
# make test-conda   the pipeline with each stage in its own environment, through a stand-in conda
# make test-slurm   the pipeline on a Slurm of two nodes, started and stopped here; needs root and Debian
# make weights     the encoder that the package ships: trained, probed, written into crossjepa/weights
# make check   format, lint, types, import rules, the documentation site
# make docs    the documentation site, in site/; a warning is an error
# make format  format the code

PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: setup demo weights test test-conda test-slurm check docs format

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,workflow,slurm]'
	$(BIN)/crossjepa render check
	touch $@

demo: setup
	snakemake --cores all

weights: setup
	snakemake --cores all --configfile config/release.yaml
	crossjepa export --encoder results/release --half --licence Apache-2.0 --output crossjepa/weights

test: check
	pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 10

test-conda: setup
	python tests/conda_standin/check.py

test-slurm: setup
	pytest -m slurm -s tests/test_slurm.py

check: docs
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	snakefmt --check Snakefile workflow
	snakemake --lint

docs: setup
	mkdocs build --strict --quiet

format: setup
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow
