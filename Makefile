# Daydream. `make help` says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
# Where PyPI's torch brings CUDA, this takes another build:
#   make run TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
TORCH_INDEX_URL ?=
TORCH := torch==2.13.0
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt
# Test processes at once. Most tests wait for others rather than compute; each file stays in one process.
TEST_PROCESSES ?= 2
# One thread a test process: two of them on busy cores are many times slower than one.
QUIET_CORES = $(LARGE_PAGES) $(KEPT_BYTECODE) OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 TOKENIZERS_PARALLELISM=false
# Python's memory in large pages. On a virtual machine each look at a small one may cost many at the host's tables: on
# one whose host was busy, 116 tests of the web API took 22 to 26 s of processor time so, and 131 to 144 s without.
LARGE_PAGES := GLIBC_TUNABLES=glibc.malloc.hugetlb=1 PYTHONMALLOC=malloc
# Tests start our services some hundred times, which would compile all of their code each time where this is forbidden.
KEPT_BYTECODE := PYTHONDONTWRITEBYTECODE=

.PHONY: help run test test-fast test-all test-faults soak check lint types protos artwork screenshots env format clean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## Install, migrate and start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m deploy.local

test: $(VENV)/.test check  ## Everything: lint, types, unit, integration, browser
	$(QUIET_CORES) $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile

test-fast: $(VENV)/.test  ## For the loop: neither browser nor anything slow
	$(QUIET_CORES) $(BIN)/pytest -q -m "not slow and not browser"

test-all: export DAYDREAM_TEST_ALL = 1
test-all: test  ## As test, with every matrix whole of which test takes a part a day

test-faults: $(VENV)/.test  ## Kill every part of a running system at every bad moment, and look what is left
	DAYDREAM_TEST_ALL=1 $(QUIET_CORES) $(BIN)/pytest tests/faults

soak: $(VENV)/.test  ## Use a system of which a part dies every 5 s, for SOAK_SECONDS (600) with SOAK_SEED (1)
	GRPC_ENABLE_FORK_SUPPORT=0 $(QUIET_CORES) $(BIN)/python -m tests.soak

check: lint types  ## Lint, types, import contracts, protos and their stubs

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python protos/generate.py --check --lint

types: $(VENV)/.test
	$(LARGE_PAGES) $(BIN)/mypy services cli deploy models bench docs protos/generate.py tests

protos: $(VENV)/.test  ## Make the stubs in gen/ anew
	$(BIN)/python protos/generate.py

artwork: $(VENV)/.test  ## Draw the pictures of the landing page with the bundled model
	$(QUIET_CORES) $(BIN)/python -m docs.artwork

screenshots: $(VENV)/.test  ## Photograph the main pages into docs/screenshots
	$(QUIET_CORES) $(BIN)/python -m docs.screenshots

env:  ## Draw the secrets for compose into deploy/.env
	@$(PYTHON) deploy/environment.py

format: $(VENV)/.test  ## Format the code
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/ruff format .

clean:  ## Remove what was installed and built; var/ with your data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Daydream needs Python 3.11 or newer: install it, or name yours: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Daydream needs Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) comes without venv: install it (Debian: apt install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first and by itself, so that no other package's range can pull another build of it.
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	@echo "Installing (the first time takes some minutes) …"
	$(BIN)/python -m pip --disable-pip-version-check install -q $(if $(TORCH_INDEX_URL),--index-url $(TORCH_INDEX_URL)) $(TORCH)
	@touch $@

$(VENV)/.run: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) -e '.[local]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) -e '.[dev]'
	$(BIN)/python tests/support/chromium.py
	@touch $@ $(VENV)/.run
