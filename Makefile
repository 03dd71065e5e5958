# `make help` lists the targets. Everything works on a fresh clone: each target makes the virtual
# environment first, from requirements-dev.lock.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# Most tests wait for other processes, so more workers than cores are quicker.
WORKERS ?= 4
READY := $(VENV)/.ready
# Every test and every benchmark starts programs: compiling them each time would be most of the work.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed (PYTHON=python3.12 make …)"; exit 1; }
	@echo "Making the virtual environment (half a minute)…"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.PHONY: setup
setup: $(READY) ## Make the virtual environment

.PHONY: demo
demo: $(READY) ## Start the sandbox and the bot, play a deploy, stay up
	@$(BIN)/python -m sandbox.demo

.PHONY: test
test: $(READY) ## Run the tests
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not proof" $(PYTEST)

.PHONY: proof
proof: $(READY) ## Run the long tests: kills at every place, containers, PEX files, load
	@$(BIN)/python -m pytest -n $(WORKERS) -m proof $(PYTEST)

.PHONY: nightly
nightly: $(READY) ## Play 10,000 random steps of trouble (SEED=… repeats a run)
	@MACHINE_STEPS=$(or $(STEPS),10000) $(BIN)/python -m pytest tests/simulation -s \
	  $(if $(SEED),--hypothesis-seed=$(SEED))

.PHONY: bench
bench: $(READY) ## Measure beside the peers (BENCH="ack overhead" for a part; docs/performance.md)
	@$(BIN)/python -m bench $(BENCH)

.PHONY: chaos
chaos: $(READY) ## Kill bots under load for MINUTES, and count what is lost
	@$(BIN)/python -m bench.chaos --minutes $(or $(MINUTES),5)

.PHONY: check
check: $(READY) ## Format, lint, types, and who may import whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: fix
fix: $(READY) ## Format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: lock
lock: ## Pin the dependencies again (needs uv)
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --extra sandbox --extra serverless --extra dev -o requirements-dev.lock
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate -c requirements-dev.lock -o requirements.lock
