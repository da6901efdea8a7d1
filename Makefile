# A machine with Python 3.11 or newer and make needs nothing else.
# `make run` and `make test` install what they need into .venv and .cache.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test test-browser test-monitoring lint lint-deploy types imports format generate lock lock-check soak sbom audit bench bench-baselines bench-lock clean
.PHONY: openstack-lab openstack-lab-down openstack-lab-lock test-lab

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

setup: $(READY) ## Install the locked dependencies and the command into .venv
	@:

run: $(READY) ## Start everything here and show the page's address; TRACE=file replays it first
	@$(BIN)/warmfront up $(if $(TRACE),--trace "$(TRACE)")

test: $(READY) ## Run all tests; counts are kept in reports/junit.xml
	@$(BIN)/python -m pytest --junitxml=reports/junit.xml $(PYTEST_ARGS)
	@$(BIN)/python -m tests.testkit.gate reports/junit.xml

test-browser: $(READY) ## Look at the page with Debian's Chromium (as root: installs it); pictures in reports/
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && apt-get -qq update && \
	  apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	  { echo "needs chromium: apt install chromium"; exit 1; }
	@$(BIN)/python -m pytest tests/browser --junitxml=reports/junit-browser.xml

PROMTOOL := $(or $(shell command -v promtool),.cache/promtool/usr/bin/promtool)
test-monitoring: ## Check Prometheus's configuration and alert rules with its own tool
	@test -x $(PROMTOOL) || infra/prometheus/promtool.sh .cache/promtool
	@$(PROMTOOL) check config infra/prometheus/prometheus.yml
	@$(PROMTOOL) test rules tests/monitoring/alerts_test.yml

lint: $(READY) ## Check style and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

lint-deploy: $(READY) ## Check chart, compose file, images and AsyncAPI with their own tools
	@infra/lint/install.sh .cache/lint
	@$(BIN)/python -m pytest tests/deployment --junitxml=reports/junit-deployment.xml

types: $(READY) ## Check types
	@$(BIN)/mypy

imports: $(READY) ## Check that the rooms import in one direction only
	@$(BIN)/lint-imports

format: $(READY) ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

generate: $(READY) ## Write records, AsyncAPI and the reference pages from schemas and code
	@$(BIN)/python -m schemas.generate
	@$(BIN)/python -m schemas.asyncapi
	@$(BIN)/python -m streams.cli.reference

lock: $(READY) ## Resolve pyproject.toml into requirements.lock, with hashes
	@infra/local/lock.sh requirements.lock

lock-check: $(READY) ## Check that requirements.lock is what pyproject.toml asks for
	@infra/local/lock_check.sh

soak: $(READY) ## Inject faults for hours; SOAK_ROUNDS, SOAK_SEED; reports/soak.json
	@$(BIN)/python -m tests.testkit.soak

sbom: $(READY) ## List what is installed from the lock as CycloneDX in reports/sbom.json
	@mkdir -p reports
	@$(BIN)/cyclonedx-py requirements --output-reproducible -o reports/sbom.json requirements.lock
	@echo "reports/sbom.json"

audit: $(READY) ## Ask a public database for known holes in the locked packages (needs network)
	@$(BIN)/python -m infra.local.audit

bench: $(READY) ## Measure throughput (reports/throughput.json), assignments and reconciling
	@infra/bench/frameworks/install.sh .cache/frameworks
	@$(BIN)/python -m tests.bench.bench_throughput
	@$(BIN)/python -m pytest -s tests/bench/bench_assignment.py tests/bench/bench_reconcile.py

bench-baselines: $(READY) ## Install what benches compare with into .cache/bench
	@infra/bench/install.sh

bench-lock: $(READY) ## Resolve infra/bench/requirements.in into its requirements.lock
	@infra/bench/lock.sh
	@infra/bench/frameworks/lock.sh

openstack-lab: $(READY) ## Start a real OpenStack control plane on this machine's loopback
	@$(BIN)/python -m infra.openstack_lab up

openstack-lab-down: $(READY) ## Stop it; its data stays in .state/openstack-lab
	@$(BIN)/python -m infra.openstack_lab down

test-lab: $(READY) ## Test the allocator on that OpenStack, then stop it
	@infra/openstack_lab/test.sh $(PYTEST_ARGS)

openstack-lab-lock: $(READY) ## Resolve the lab's requirements.in into its requirements.lock
	@infra/openstack_lab/lock.sh

clean: ## Remove environment, reports and tool caches; keeps data (.state) and downloads (.cache)
	rm -rf .venv build reports .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv comes by the hash in the lock, everything else by uv in seconds.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Warmfront needs Python 3.11 or newer as python3 on PATH"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	@infra/local/uv.sh pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@infra/local/uv.sh pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $@
