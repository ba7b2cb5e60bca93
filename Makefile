# Everything is set up in .venv from requirements.lock; Python 3.11 or newer and make are all that must be there.
# `make run` serves the demonstration, `make test` runs everything that is checked.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:
# Where it is set, each of some hundred processes that the tests start compiles every module of this project anew.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { echo $$p; break; }; done)
BIN := .venv/bin
UV := $(BIN)/uv
# A worker that is done takes over tests of the others: the longest ones are in a browser.
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist worksteal
CORPUS ?= ../shared/data
BENCH ?= scan store
WORKERS ?= 2
# Measures coverage at a small part of what Python's own tracing costs; writes .coverage for `make coverage`.
PROBES = -p tests.probes
ASSETS := $(shell find biobank/web/assets -type f -not -path '*/node_modules/*' 2>/dev/null)
# Where 100 % of the branches must be covered.
EXACT := biobank/*/rules.py,biobank/*/commands.py,biobank/specimen/*ing.py,biobank/specimen/bench.py,biobank/specimen/deviations.py,biobank/specimen/readings.py,biobank/specimen/steps.py,biobank/specimen/work.py,biobank/specimen/upkeep.py,biobank/audit/*,biobank/tx.py,assay_importers/**,labels/**

say = @printf '\033[1m%s\033[0m\n' "$(1)"

.PHONY: help
help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/.ready ## Set up, migrate, fill an empty database with the demonstration study, and serve
	@BIOBANK_DEMO=$${BIOBANK_DEMO:-true} exec $(BIN)/biobank serve

.PHONY: setup
setup: .venv/.ready ## Set up only

.PHONY: test
test: .venv/.ready ## Lint, types, import contracts, all tests, coverage
	@$(MAKE) --no-print-directory check
	$(call say,Tests)
	@.ci/poppler
	@CHROMIUM="$$(.ci/chromium)" && export CHROMIUM && $(PYTEST) $(PROBES)
	@$(MAKE) --no-print-directory coverage

.PHONY: check
check: .venv/.ready ## Lint, format, types and import contracts
	$(call say,Lint)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	$(call say,Types)
	@$(BIN)/mypy
	@$(BIN)/python biobank/web/assets/build_hook.py --check
	$(call say,Import contracts)
	@$(BIN)/lint-imports

.PHONY: suite
suite: .venv/.ready ## The tests, without those in a browser
	$(call say,Tests)
	@.ci/poppler
	@$(PYTEST) -m "not browser" $(PROBES) $(TESTS)

.PHONY: browser
browser: .venv/.ready ## The tests in a real browser
	$(call say,Browser tests)
	@CHROMIUM="$$(.ci/chromium)" && export CHROMIUM && $(PYTEST) -m browser

.PHONY: coverage
coverage: .venv/.ready
	$(call say,Coverage)
	@$(BIN)/coverage report --skip-covered | tail -n 40
	@$(BIN)/coverage report --include='$(EXACT)' --fail-under=100 --precision=2

.PHONY: corpus
corpus: .venv/.ready ## Check the importers against a folder of sample files (CORPUS=...)
	@$(BIN)/python -m assay_importers.corpus $(CORPUS)

.PHONY: fuzz
fuzz: .venv/.ready ## Give 2,000 damaged files to each importer (FUZZ="--format msd --seed 7")
	@$(BIN)/python -m tests.importers.fuzz $(FUZZ)

.PHONY: bench
bench: .venv/.ready ## Run the benchmarks (BENCH="scan store")
	@for name in $(BENCH); do $(BIN)/biobank bench $$name --json || exit 1; done

.PHONY: schema
schema: .venv/.ready ## Write the migration anew from the models
	@$(BIN)/python -m migrations.rewrite

.PHONY: lock
lock: $(UV) ## Write requirements.lock anew from pyproject.toml
	$(call say,Resolving)
	@$(UV) pip compile pyproject.toml --group dev --group build --python-version 3.11 --universal --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet $(UPGRADE) -o requirements.lock

.PHONY: clean
clean: ## Remove what was built; the data folder stays
	rm -rf .venv dist build biobank/web/static/build biobank/web/assets/node_modules
	rm -rf .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- setting up ---------------------------------------------------------------------------------------------------

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(call say,Making .venv with $(PYTHON))
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# uv at the version and with the hashes of the lock.
$(UV): | .venv/bin/python
	$(call say,Fetching uv)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@test -s .venv/uv.txt || echo uv > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r .venv/uv.txt

.venv/.locked: requirements.lock | $(UV)
	$(call say,Fetching the libraries of requirements.lock)
	@$(UV) pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@touch $@

.venv/.ready: .venv/.locked pyproject.toml $(ASSETS)
	$(call say,Building the project and its pages)
	@$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --reinstall-package biobank -e .
	@touch $@
