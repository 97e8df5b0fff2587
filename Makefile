# The commands of this repository; each sets up what it needs, and a second call sets up nothing.
#   make demo    tune examples/digits: 40 runs, two at a time, with the studio beside it
#   make test    every test, from the fast floor to the slow one
#   make check   lint, format, types, and who may import whom
#   make bench   the figures that we claim

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test engines check bench venv clean
.DEFAULT_GOAL := test

demo: $(VENV)/.ready-demo
	@$(BIN)/python examples/demo.py

test: venv engines
	$(PYTEST) -n $(WORKERS) tests/unit
	$(PYTEST) -n $(WORKERS) --dist loadgroup tests/contract
	$(PYTEST) -n $(WORKERS) --dist loadgroup tests/e2e

# What Debian packages; without root or apt the tests of a missing engine are skipped by name.
engines:
	@[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0; missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v slurmctld >/dev/null || missing="$$missing slurm-wlm munge"; \
	[ -z "$$missing" ] || { apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || true

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) tests/unit/test_imports.py

bench: venv
	@for file in bench/[!_]*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

venv: $(VENV)/.ready-dev

$(VENV)/.ready-demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[examples,studio]'
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

$(BIN)/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name it with: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "No venv module: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
