# make setup   everything in .venv, and a check that this machine can render without a screen
# make demo    meshes to report on the default data set
# make test    every check and every test
# make test-conda   the pipeline with each stage in its own environment, through a stand-in conda
# make test-slurm   the pipeline on a Slurm of two nodes, brought up here; wants root and Debian
# make check   format, lint, types, walls

PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: setup demo test test-conda test-slurm check format

setup: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/crossjepa render check
	touch $@

demo: setup
	snakemake --cores all

test: check
	pytest --numprocesses 2 --dist loadfile

test-conda: setup
	python tests/conda_standin/check.py

test-slurm: setup
	pytest -m slurm -s tests/test_slurm.py

check: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	snakefmt --check Snakefile workflow
	snakemake --lint

format: setup
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow
