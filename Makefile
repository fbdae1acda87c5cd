# From nothing but Python 3.11+ with venv, and make: `make demo` shows what the tool answers, `make test` checks it.

PYTHON ?= python3
VENV ?= .venv
UV ?= uv
JOBS ?= 2
BIN := $(VENV)/bin
# pip sees its own settings and proxy; the requirements files name no registry.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
PROXIES := HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY NO_PROXY http_proxy https_proxy all_proxy ftp_proxy no_proxy
WITHOUT_PROXIES := env $(PROXIES:%=-u %)
# What must not lead the demo elsewhere: the user's hub settings and token, and proxies. Names only; no value is printed.
HF_VARIABLES := $(shell env | sed -n -e 's/^\(HF_[A-Za-z0-9_]*\)=.*/\1/p' -e 's/^\(HUGGING[A-Za-z0-9_]*\)=.*/\1/p')
WITHOUT_HUB := $(WITHOUT_PROXIES) $(HF_VARIABLES:%=-u %) HF_HUB_DISABLE_TELEMETRY=1 DO_NOT_TRACK=1

.DEFAULT_GOAL := help
.PHONY: help demo install test lint types format audit coverage data-dictionary soak lock clean bench bench-growth bench-server

help:
	@echo "make demo      a whole run on the embedded recording (no network but the package index)"
	@echo "make install   the collector in $(VENV), from hash-checked packages"
	@echo "make test      lint, types and tests"
	@echo "make lint      ruff alone; make types: mypy alone; make format: let ruff mend what it can"
	@echo "make audit     the locked packages against published advisories, where these can be had"
	@echo "make coverage  tests with branch coverage, at least 95 % for each core area"
	@echo "make data-dictionary  write DATA.md anew from the code"
	@echo "make soak      the daemon through 400 simulated days of kills and faults (some minutes)"
	@echo "make bench     what a poll, the roll-up and the commands cost, beside peers (MODELS=200000 DAYS=35)"
	@echo "make bench-growth  the same for hubs of several sizes and lengths of history"
	@echo "make bench-server  the same steps on SQLite and on the PostgreSQL database named by BENCH_SERVER"
	@echo "make lock      write the requirements files anew (needs uv)"
	@echo "make clean     remove the virtual environment and every cache"

demo: $(VENV)/.installed-run
	@$(WITHOUT_HUB) $(BIN)/collector demo

install: $(VENV)/.installed-run

test: lint types
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(VENV)/.installed-dev
	@$(BIN)/python .ci/audit.py

# model.py, the core's folders and the daemon keep 95 % of their branches, each on its own: an average would hide a hole.
coverage: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=
	@for area in 'model.py' 'measure/*' 'origins/*' 'hubs/*' 'store/*' 'daemon/*' 'upkeep.py'; do \
	    echo "== collector/$$area"; \
	    $(BIN)/coverage report --include="collector/$$area" --fail-under=95 || exit 1; \
	done

# Whole or not at all: what fails leaves the old file.
data-dictionary: $(VENV)/.installed-run
	@$(BIN)/python -m collector.dictionary > DATA.md.new && mv DATA.md.new DATA.md

# The short version, a month of it, is among the tests.
soak: $(VENV)/.installed-dev
	@$(WITHOUT_HUB) $(BIN)/python -m tests.soak

# Never part of the tests: a test looks at no clock.
MODELS ?= 200000
DAYS ?= 35
bench: $(VENV)/.installed-dev
	@$(WITHOUT_HUB) $(BIN)/python -m benchmarks.bench $(MODELS) $(DAYS) build/bench

# The database named is to be empty: BENCH_SERVER=postgresql+psycopg://USER@HOST/NAME (a password belongs into ~/.pgpass).
bench-server: $(VENV)/.installed-dev
	@test -n "$(BENCH_SERVER)" || { echo "name an empty PostgreSQL database: BENCH_SERVER=postgresql+psycopg://USER@HOST/NAME" >&2; exit 1; }
	@$(WITHOUT_HUB) $(BIN)/python -m benchmarks.served "$(BENCH_SERVER)" $(MODELS) $(DAYS) build/bench-server

# How cost grows; the sizes of the README take some hours of a machine: SIZES=500000,1000000,2500000,5000000 LENGTHS=1,30,365
SIZES ?= 50000,100000,200000
LENGTHS ?= 1,30
bench-growth: $(VENV)/.installed-dev
	@$(WITHOUT_HUB) $(BIN)/python -m benchmarks.growth build/bench-growth $(SIZES) $(LENGTHS)

# Universal: one file for every platform and Python from 3.11 on. Both hold the build backend.
lock:
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet \
	    pyproject.toml --group build -o requirements.txt
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet \
	    -c requirements.txt pyproject.toml --group dev -o requirements-dev.txt

# A stamp is written last, so an interrupted installation is done again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is older than Python 3.11: name another one with make PYTHON=python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "$(PYTHON) has no working venv: on Debian install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.installed-run: requirements.txt pyproject.toml | $(VENV)/.created
	@echo "Installing what requirements.txt lists (about a minute the first time) ..."
	@$(call install,requirements.txt)
	@touch $@

# The development packages are those of the program and more, in the same versions.
$(VENV)/.installed-dev: requirements-dev.txt pyproject.toml | $(VENV)/.created
	@echo "Installing what requirements-dev.txt lists (a minute or two the first time) ..."
	@$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.installed-run

# A dead proxy in the environment is a common reason for a failed installation: then once more without it.
PROXY_SET := $(shell env | grep -iq '_proxy=.' && echo yes)
again = $(if $(PROXY_SET),|| { echo "Once more without the proxy ..."; $(WITHOUT_PROXIES) $(1); })
install = { $(PIP) install --require-hashes -r $(1) $(call again,$(PIP) install --require-hashes -r $(1)); } \
	&& $(PIP) install --no-deps --no-build-isolation -e .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find collector migrations tests -name __pycache__ -type d -exec rm -rf {} +
