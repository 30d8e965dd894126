# Two commands do everything: `make demo` and `make test`. The others are for those who stay.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SETUP := $(VENV)/.ready
TRAINING := .venv-training
EMULATORS := tests/emulators/node_modules/.ready
TRAINING_PY := $(TRAINING)/bin/python
PYTHON_3_13 ?= python3.13

.DEFAULT_GOAL := help
.PHONY: help setup setup-emulators demo demo-cloud test test-serving soak bench train evaluate evaluate-restoration test-training verify setup-training infra-check package clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

setup: $(SETUP) ## Build .venv with the pinned requirements

$(SETUP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("MeterSentry needs Python 3.11 or newer, this is %d.%d; set PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@echo "installing the pinned requirements into $(VENV); this takes a minute"
	$(PY) -m pip install --quiet --disable-pip-version-check '.[local,test]'
	@touch $(SETUP)

setup-emulators: $(EMULATORS) ## Install Azurite, Microsoft's emulator of Storage (needs Node.js)

$(EMULATORS): tests/emulators/package.json
	@command -v npm >/dev/null || { echo "Azurite needs Node.js 20 or newer with npm; install it first" >&2; exit 1; }
	npm install --prefix tests/emulators --no-package-lock --no-fund --no-audit --loglevel=error
	@touch $@

demo: $(SETUP) ## Watch a simulated utility for a week and show what was found
	$(PY) -m local demo

demo-cloud: $(SETUP) $(EMULATORS) ## The demo over emulators of Event Hubs, Cosmos DB and Storage, with the bill (needs Node.js)
	PYTHONPATH=tests:. $(PY) -m emulators $(PY) -m local demo-cloud

test: $(SETUP) ## Run the tests, the linter and the type checker
	@$(MAKE) --no-print-directory setup-emulators || echo "tests that need Azurite are skipped"
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest
	$(PY) -m pytest --doctest-modules functions

test-serving: $(SETUP) ## Run the tests of what is deployed; PYTHON=python3.13 VENV=.venv-3.13 for Azure's Python
	$(PY) -m pytest tests/unit tests/contract tests/functional

soak: $(SETUP) $(EMULATORS) ## Ten minutes of load with faults every few seconds, then 200 kills, compared with undisturbed runs
	PYTHONPATH=tests:. $(PY) -m e2e.cloud.soak --minutes 10
	METERSENTRY_KILL_POINTS=200 $(PY) -m pytest tests/e2e/cloud/test_crashes.py

bench: $(SETUP) ## Measure readings per second, in process and over sockets (needs Node.js)
	$(PY) -m local bench
	@$(MAKE) --no-print-directory setup-emulators || echo "over sockets: skipped, Azurite is missing"
	@test ! -e $(EMULATORS) || PYTHONPATH=tests:. $(PY) -m emulators $(PY) -m local bench-cloud

setup-training: $(TRAINING)/.ready ## Build .venv-training with torch, scikit-learn and onnx

$(TRAINING)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(TRAINING)
	@echo "installing the training extra into $(TRAINING); this takes some minutes"
	$(TRAINING_PY) -m pip install --quiet --disable-pip-version-check '.[local,test,training]'
	@touch $@

test-training: setup-training ## Run the tests of training and export
	$(TRAINING_PY) -m pytest tests/training

train: setup-training ## Train the detector on the simulator and export it to functions/models
	$(TRAINING_PY) -m model_export train

evaluate: setup-training ## Measure detector, context and incidents on three seeds; writes docs/detection.md and docs/incidents-measured.md
	$(TRAINING_PY) -m model_export evaluate
	$(TRAINING_PY) -m local evaluate-incidents

# Without the records there is nothing to set up for.
ifdef METERSENTRY_BENCHMARK_DATA
evaluate-restoration: setup-training ## Measure restoration times on real outages; writes docs/restoration.md
	$(TRAINING_PY) -m model_export evaluate-restoration --events $(METERSENTRY_BENCHMARK_DATA)/pge_2019_2022_events.parquet \
		--updates $(METERSENTRY_BENCHMARK_DATA)/pge_2019_2022_updates.parquet --page docs/restoration.md
else
evaluate-restoration:
	@echo "evaluate-restoration: skipped, as METERSENTRY_BENCHMARK_DATA names no folder of records; docs/restoration.md says what is in them"
endif

verify: $(SETUP) ## Prove that the exported model scores as it did when it was trained
	$(PY) -m model_export verify

infra-check: ## Check infra/ with the checker that INFRA_CHECK names
ifdef INFRA_CHECK
	$(INFRA_CHECK) infra --var-file infra/terraform/dev.tfvars
	$(INFRA_CHECK) infra --var-file infra/terraform/prod.tfvars
else
	@echo "infra-check: skipped, as INFRA_CHECK names no checker; docs/deploy.md says what to run with the real tools"
endif

package: ## Build the deployment zip with Linux wheels; PYTHON_3_13=python3.13 says where Azure's Python is
	$(PYTHON_3_13) infra/package.py

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(TRAINING) tests/emulators/node_modules out build metersentry.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
