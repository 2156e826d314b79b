# Chateau: `make run` starts the server, `make test` is the whole gate.
#
# Everything is installed in, and every tool's cache kept in, .venv: no target leaves anything else behind.

PYTHON3 ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PYTHON := $(VENV)/bin/python
CACHE := $(VENV)/cache
DIST ?= dist

export PYTHONPYCACHEPREFIX := $(CURDIR)/$(CACHE)/pycache
export COVERAGE_FILE := $(CURDIR)/$(CACHE)/coverage
export RUFF_CACHE_DIR := $(CURDIR)/$(CACHE)/ruff
export MYPY_CACHE_DIR := $(CURDIR)/$(CACHE)/mypy

.PHONY: run test format lint types imports unit edge docs dist tour screenshots bench soak autobahn clean help

run: $(VENV)/run.stamp  ## Start the server; ARGS="--port 9000" passes flags
	$(PYTHON) server.py $(ARGS)

test: lint types imports unit edge  ## The whole gate: format, lint, types, import rule, tests

format: $(VENV)/dev.stamp  ## Format the code, and mend what the linter can
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

lint: $(VENV)/dev.stamp  ## Check format and lint
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types: $(VENV)/dev.stamp  ## Check types
	$(PYTHON) -m mypy

imports: $(VENV)/dev.stamp  ## Check that imports go down only
	$(VENV)/bin/lint-imports --cache-dir $(CACHE)/import_linter

unit: $(VENV)/dev.stamp  ## The tests without sockets; hub and protocols have every branch covered
	$(PYTHON) -m coverage run -m pytest tests/hub tests/protocols tests/store
	$(PYTHON) -m coverage report

edge: $(VENV)/dev.stamp  ## All other tests: sockets, processes, the client, the docs
	$(PYTHON) -m pytest -n 2 --dist loadfile --ignore=tests/hub --ignore=tests/protocols --ignore=tests/store

docs: $(VENV)/dev.stamp  ## Write the generated parts of docs/ anew
	$(PYTHON) docs/generate.py

dist: $(VENV)/dev.stamp  ## Build wheel, sdist, and files that run without installation, into dist/
	$(PYTHON) -m build --no-isolation --outdir $(DIST) . >/dev/null
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target $(DIST)/packages $(DIST)/*.whl
	for command in chateau chateau-client; do $(VENV)/bin/shiv --compressed --site-packages $(DIST)/packages \
		--console-script $$command --output-file $(DIST)/$$command.pyz || exit 1; done
	rm -rf $(DIST)/packages

tour: $(VENV)/dev.stamp  ## Trace one message through the steps of docs/architecture.md
	$(PYTHON) tools/tour.py

screenshots: $(VENV)/dev.stamp  ## Take the README's pictures anew (needs Chromium)
	$(PYTHON) tests/console/screenshots.py

bench: $(VENV)/run.stamp  ## Measure against other servers; ARGS=--quick for a first look
	$(PYTHON) benchmarks/run.py $(ARGS)

soak: $(VENV)/dev.stamp  ## Kill the server again and again, and count what it kept; ARGS="--rounds 500 --seed 7"
	$(PYTHON) tests/kill/soak.py $(ARGS)

autobahn: $(VENV)/run.stamp  ## Run the Autobahn suite against both paths of the wire (needs a Python 2.7)
	$(PYTHON) tests/autobahn/run.py $(ARGS)

clean:  ## Remove .venv and what the benchmarks and the Autobahn run have built
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
