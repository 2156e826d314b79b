# Chateau: `make run` starts the server, `make test` is the whole gate.
#
# Packages and the caches of all tools are in .venv; no target leaves anything else behind, but dist/ and pictures.

PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PYTHON := $(VENV)/bin/python
CACHE := $(VENV)/cache
DIST ?= dist

# Without byte code, each of the hundreds of processes of a test run would compile its imports anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(CACHE)/pycache
export COVERAGE_FILE := $(CURDIR)/$(CACHE)/coverage
export RUFF_CACHE_DIR := $(CURDIR)/$(CACHE)/ruff
export MYPY_CACHE_DIR := $(CURDIR)/$(CACHE)/mypy

.PHONY: run test format lint types imports unit edge system docs dist tour screenshots bench attack soak fuzz autobahn clean help

run: $(VENV)/run.stamp  ## Start the server; ARGS="--port 9000" passes flags
	$(PYTHON) server.py $(ARGS)

test: lint types imports unit edge system  ## The whole gate: format, lint, vocabulary, types, import rule, tests

format: $(VENV)/dev.stamp  ## Format the code, and fix lint errors where possible
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

lint: $(VENV)/dev.stamp  ## Check format, lint and vocabulary
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) tools/vocabulary.py

types: $(VENV)/dev.stamp  ## Check types
	$(PYTHON) -m mypy

imports: $(VENV)/dev.stamp  ## Check that imports go down only
	$(VENV)/bin/lint-imports --cache-dir $(CACHE)/import_linter

unit: $(VENV)/dev.stamp  ## Test hub and protocols; examples cover every branch, properties run without coverage, 2.3 times as fast
	$(PYTHON) -m pytest -n 2 -m "not hypothesis" tests/hub tests/protocols \
		--cov chateau.hub --cov chateau.protocols --cov-branch --cov-report term-missing:skip-covered --cov-fail-under 100
	$(PYTHON) -m pytest -n 2 --dist worksteal -m hypothesis tests/hub tests/protocols

edge: $(VENV)/dev.stamp  ## Test sockets, processes, the store, the client and the docs
	$(PYTHON) -m pytest -n 3 --dist worksteal --ignore tests/hub --ignore tests/protocols \
		--ignore tests/console --ignore tests/test_distribution.py

system: $(VENV)/dev.stamp  ## Test the pages in a browser, and the installed distribution
	$(PYTHON) -m pytest -n 2 --dist loadfile tests/console tests/test_distribution.py

docs: $(VENV)/dev.stamp  ## Regenerate the generated parts of docs/
	$(PYTHON) docs/generate.py

dist: $(VENV)/dev.stamp  ## Build wheel, sdist, and files that run without installation, into dist/
	$(PYTHON) -m build --no-isolation --outdir $(DIST) . >/dev/null
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target $(DIST)/packages $(DIST)/*.whl
	for command in chateau chateau-client; do $(VENV)/bin/shiv --compressed --site-packages $(DIST)/packages \
		--console-script $$command --output-file $(DIST)/$$command.pyz || exit 1; done
	rm -rf $(DIST)/packages

tour: $(VENV)/dev.stamp  ## Trace one message through the steps of docs/architecture.md
	$(PYTHON) tools/tour.py

screenshots: $(VENV)/dev.stamp  ## Regenerate the README's pictures (needs Chromium)
	$(PYTHON) tests/console/screenshots.py

bench: $(VENV)/run.stamp  ## Measure against other servers; ARGS=--quick for a first look
	$(PYTHON) benchmarks/run.py $(ARGS)

attack: $(VENV)/run.stamp  ## Attack a server, and measure what others notice; ARGS="--only R4 --runs 1"
	$(PYTHON) benchmarks/attack/attack.py $(ARGS)

soak: $(VENV)/dev.stamp  ## Kill the server repeatedly, and check what it stored; ARGS="--rounds 500 --seed 7"
	$(PYTHON) tests/kill/soak.py $(ARGS)

fuzz: $(VENV)/dev.stamp  ## Fuzz every decoder for a minute; ARGS="--seconds 600 lines frames"
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r tests/fuzz/requirements.txt
	$(PYTHON) tests/fuzz/run.py $(ARGS)

autobahn: $(VENV)/run.stamp  ## Run the Autobahn suite over both transports (needs Python 2.7)
	$(PYTHON) tests/autobahn/run.py $(ARGS)

clean:  ## Remove .venv, dist and the builds of the benchmarks and the Autobahn suite
	rm -rf $(VENV) dist benchmarks/.build tests/autobahn/.build

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(VENV)/bin/python:
	$(PYTHON3) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/run.stamp
