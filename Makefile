# Everything runs in a virtual environment of its own, .venv, which the first call fills.
#   make demo    compares the embedded teacher and student
#   make test    runs all tests
#   make check   format, lint, types, import contracts and tests
#   make clean   removes the environment and every cache
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# As many processes as there are cores; the tests of one file share what they prepare.
TEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.PHONY: demo test check clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/tailqa compare --speed 75

test: $(VENV)/.installed-dev
	$(TEST)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TEST)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tailqa needs Python 3.11 or newer as $(PYTHON); name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install python3-venv" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing tailqa into $(VENV); the first time this takes minutes"
	@$(INSTALL) .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing tailqa and its test tools into $(VENV); the first time this takes minutes"
	@$(INSTALL) '.[dev]'
	@touch $@ $(VENV)/.installed
