# One command for each thing one does with this repository; `make` alone lists them.

.DEFAULT_GOAL := help
.SILENT:
SHELL := /bin/sh
BIN := .venv/bin
# A Python for the virtual environment: `make setup WITH=python3.12` to choose one.
WITH ?=
# More arguments for the command behind a target: `make test ARGS="-k lake"`.
ARGS ?=

# Processes that share the tests; each starts servers of its own and takes about 2 GB.
WORKERS ?= 2

# Nothing set in the caller's shell for another project gets into what is started here.
FOREIGN := AIRFLOW% _AIRFLOW% MLFLOW% _MLFLOW% PYTHON% PYTEST% PG% VIRTUAL_ENV CONDA_PREFIX \
	UV_PROJECT_ENVIRONMENT UV_SYSTEM_PYTHON UV_PYTHON PIP_TARGET PIP_PREFIX PIP_USER PIP_ROOT
$(foreach name,$(filter $(FOREIGN),$(.VARIABLES)),$(eval unexport $(name)))

# Whether there is anything to stop; and what stops it, set up again only if it was removed meanwhile.
STARTED := test -d "$${TRADEWIND_HOME:-.tradewind}/run"
READY := { test -x $(BIN)/tradewind || $(MAKE) --no-print-directory setup; }

.PHONY: help setup run demo-employment run-all cards stop status reset test drill mutants check lint types format schema lock

help: ## list the targets
	echo "Tradewind: nightly machine-learning operations on Apache Airflow"
	echo
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-21s %s\n", $$1, $$2 }'

setup: ## make .venv from the hashed requirements; does nothing when it is there
	for python in $(WITH) python3 python3.13 python3.12 python3.11 python; do \
		command -v $$python >/dev/null 2>&1 || continue; \
		$$python scripts/bootstrap.py --fits 2>/dev/null || continue; \
		exec $$python scripts/bootstrap.py; \
	done; \
	echo "Tradewind needs Python 3.11, 3.12 or 3.13, and none is on the PATH." >&2; \
	echo "Install one, or name it: make setup WITH=/path/to/python3.12" >&2; \
	exit 1

run: setup ## start everything, train flight_delay on real flights, show the result, leave the UI up
	$(BIN)/tradewind demo $(ARGS)

run-all: setup ## the same with every model of config/models, one after the other
	$(BIN)/tradewind demo --all $(ARGS)

demo-employment: setup ## bring real people with their sex and race, and the model that is about them (Python below 3.13)
	$(BIN)/tradewind demo-employment $(ARGS)

cards: setup ## write the card of each model's champion (or last candidate), as this clone's platform has it, to docs/cards
	$(BIN)/tradewind cards docs/cards

stop: ## stop all that was started here, and only that
	$(STARTED) || { echo "nothing was ever started here"; exit 0; }; \
	$(READY) && $(BIN)/tradewind down

status: ## what of the platform is running, and where
	$(STARTED) || { echo "nothing was ever started here"; exit 0; }; \
	$(READY) && $(BIN)/tradewind status

reset: setup ## stop, and empty everything derived (lake, MLflow, ledger); source tables and .venv stay
	$(BIN)/tradewind reset

test: setup ## run every test, on two workers
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

drill: setup ## nights, approvals and a bad promotion taken back, through the real scheduler (minutes)
	$(BIN)/python -m pytest tests/integration -m drill $(ARGS)

mutants: setup ## break each comparison behind a verdict, a permission or an erasure: a test goes red (minutes)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/mutants.py $(ARGS)

check: setup ## format, lint, types, layers, schema
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/tradewind schema --check

lint: setup ## ruff
	$(BIN)/ruff check .

types: setup ## mypy, strict
	$(BIN)/python -m mypy

format: setup ## put the code into its form
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

schema: setup ## write what is made of the definition's code: JSON Schema and docs/definition.md
	$(BIN)/tradewind schema --write

lock: setup ## compile requirements/*.in into the hashed files, for Python 3.11 to 3.13 at once
	PATH="$(CURDIR)/$(BIN):$$PATH"; \
	compile() { uv pip compile "$$@" --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet $(ARGS); }; \
	compile requirements/dev.in --output-file requirements.txt && \
	compile requirements/main.in --constraints requirements.txt \
		--output-file requirements/image.txt && \
	compile requirements/bootstrap.in --output-file requirements/bootstrap.txt
