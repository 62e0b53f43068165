# Two commands do everything: `make run` (set-up and the main job on the bundled input) and `make test` (set-up and all tests).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
# What `make test` and `make check` install; EXTRAS=dev,finbert adds torch and runs the tests that need it.
EXTRAS ?= dev
# Test processes at once; a file's tests stay in one of them, so that what a file shares is made once. WORKERS=0: all in this one.
# One more than processors: tests of whole deployments wait for half of their time.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) + 1)
# How long `make fuzz` tries inputs, all kinds together.
FUZZ_MINUTES ?= 5
# What `make image-test` builds: finbert (from the hub), local (from deploy/model/), compact; BUILD_ARGS go on to docker.
MODELS ?= finbert compact
BUILD_ARGS ?=
BIN := $(VENV)/bin
export DAGSTER_HOME := $(CURDIR)
export DAGSTER_DISABLE_TELEMETRY := true
export DAGSTER_EVENT_BATCH_SIZE := 100
# Containers often forbid bytecode: each worker would rewrite every test module, each child compile this package again.
export PYTHONDONTWRITEBYTECODE :=
# Dagster remarks on its own superseded commands; the remark is not for the operator.
export PYTHONWARNINGS := ignore:Function `

.PHONY: help run dev test check format bench fuzz image-test lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or say where it is: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip takes five times as long for the same packages as uv, which pip installs first. uv ignores pip's settings (a private
# index, files on disk): torch, which some machines have that way, is left to pip, and so is everything where uv fails.
# Bytecode is compiled at installation: where Python may not write it (containers, CI), every process would compile
# about 2,000 modules again.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt

$(VENV)/.installed: pyproject.toml setup.py constraints.txt | $(BIN)/python
	$(PIP) uv
	$(UV) -e . || $(PIP) -e .
	@touch $@

$(VENV)/.installed-$(EXTRAS): pyproject.toml setup.py constraints.txt | $(BIN)/python
	$(PIP) uv
	$(if $(findstring finbert,$(EXTRAS)),$(PIP) --no-deps torch)
	$(UV) -e '.[$(EXTRAS)]' || $(PIP) -e '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.installed

run: $(VENV)/.installed ## set up, upgrade the database, run the bundled weeks, print where the newest digest is
	@$(BIN)/signals run

dev: $(VENV)/.installed ## Dagster UI on http://localhost:3000 over the same data
	@$(BIN)/signals migrate
	$(BIN)/dagster dev --host 127.0.0.1 --port 3000

test: $(VENV)/.installed-$(EXTRAS) ## set up and run all tests with coverage
	$(BIN)/python -m pytest -rs --durations=30 --durations-min=5 -n $(WORKERS) --max-worker-restart 0 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered
	$(BIN)/python -m coverage report --include='signals_pipeline/core/*' --fail-under=100 --format=total
	$(BIN)/python -m coverage report --fail-under=90 --format=total

check: $(VENV)/.installed-$(EXTRAS) ## lint, types, import contracts, Dagster definitions, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --threads 2
	$(BIN)/lint-imports --no-cache
	$(BIN)/dg check defs
	$(BIN)/signals migrate --check

format: $(VENV)/.installed-$(EXTRAS) ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-$(EXTRAS) ## measure; the figures go into benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

fuzz: $(VENV)/.installed-$(EXTRAS) ## try mutated inputs of every kind for FUZZ_MINUTES; what fails is kept in fuzz/corpus/
	$(BIN)/python -m fuzz --minutes $(FUZZ_MINUTES)

image-test: $(VENV)/.installed ## build the images, run a window in each at two sizes, write deploy/IMAGE_REPORT.md (needs docker)
	$(BIN)/python deploy/image_test.py $(MODELS) $(BUILD_ARGS)

lock: $(VENV)/.installed ## write the image's packages with their hashes, after a change of setup.py or constraints.txt
	$(BIN)/uv pip compile --quiet --no-annotate --generate-hashes --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --custom-compile-command "make lock" \
		-c constraints.txt pyproject.toml deploy/build-requirements.in -o deploy/requirements.txt

clean: ## remove the environment and what the demo produced; other data folders stay
	rm -rf $(VENV) var/demo
