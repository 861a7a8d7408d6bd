# `make` alone prints the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: --no-binary curate

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lock audit lint types smoke climb bench bench-peers docs dist dist-check clean

help:  ## Print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY)  ## A virtual environment with curate and all that its development needs

$(INSTALLED): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing curate and the libraries that it needs into $(VENV)"
	@$(PIP) -e .
	@touch $@

$(READY): $(INSTALLED)
	@echo "installing what its development needs too: 2 GB, some minutes"
	@$(PIP) -e '.[dev]'
	@touch $@

demo: $(INSTALLED)  ## Set up, then run the quickstart on real documents
	@$(BIN)/curate run configs/quickstart.yaml --fresh
	@$(BIN)/curate dups out/quickstart package-copyright-00674
	@echo "to go on with the command curate: . $(BIN)/activate"

test: $(READY)  ## Set up, then run the tests
	@$(BIN)/python -m pytest

test-slow: $(READY)  ## The tests that take minutes: 50 kills in a row, long fuzzing, very large and very many files; SLOW=WORD: some
	@$(BIN)/python -m pytest -m slow $(if $(SLOW),-k "$(SLOW)")

lock:  ## Pin what curate needs at run time, with hashes, in requirements.lock (uv in an environment of its own)
	@$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet uv
	@build/lock/bin/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements.lock

audit:  ## Known vulnerabilities of what requirements.lock pins (pip-audit in an environment of its own; asks a network)
	@$(PYTHON) -m venv build/audit && build/audit/bin/python -m pip install --quiet pip-audit
	@build/audit/bin/pip-audit --require-hashes --disable-pip -r requirements.lock

lint: $(READY)  ## Ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)  ## Mypy, strict
	@$(BIN)/mypy

smoke: $(READY)  ## The smoke recipe on the sample shards
	@$(BIN)/curate run configs/smoke.yaml --fresh

climb: $(READY)  ## From raw text to a mixture: find domains, search, sample, on the sample shards
	@$(BIN)/curate run configs/climb.yaml --fresh
	@$(BIN)/curate mixture search configs/climb_search.yaml --fresh
	@$(BIN)/curate run configs/climb/mixture.yaml --fresh

bench: $(READY)  ## Speed and memory of every stage on the sample shards
	@$(BIN)/python scripts/bench.py configs/sample

bench-peers: $(READY)  ## Beside datatrove, Dolma, text-dedup, Data-Juicer, Daft: some 20 minutes (asks a network)
	@$(BIN)/python scripts/bench_peers.py

docs: $(READY)  ## The documentation as a site that needs no server: build/site/index.html
	@$(BIN)/python scripts/reference.py --check
	@test -x $(BIN)/mkdocs || $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@$(BIN)/mkdocs build --quiet --strict

build/dist/bin/python:
	@$(PYTHON) -m venv build/dist && build/dist/bin/python -m pip install --quiet --disable-pip-version-check build

dist: build/dist/bin/python  ## Wheel and sdist, in dist/
	@build/dist/bin/python -m build --outdir dist .

dist-check: build/dist/bin/python  ## Build both, install each where nothing else is, run the quickstart there
	@build/dist/bin/python scripts/dist_check.py

clean:  ## Remove the environment and all that was built
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
