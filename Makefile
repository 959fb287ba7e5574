# Everything runs in a virtual environment of its own; nothing else on the machine is touched.
# Needs: Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv), make.

PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 5300
BIN     = $(VENV)/bin

.PHONY: compile plain help serve serve-lab tables share test check format lint types imports unit test-long clean \
        bench-wire bench-latency bench-throughput bench-validation bench-realworld bench-selection bench-outage

help:
	@echo 'make serve             run the resolver on 127.0.0.1 and ::1, port $(PORT)'
	@echo 'make serve-lab         the same, answering from a simulated Internet (works offline)'
	@echo 'make test              everything that is checked: style, types, imports, tests'
	@echo 'make test-long         more worlds, more packets'
	@echo 'make tables            put the current tables into README.md and docs/configuration.md'
	@echo 'make share             make the manual pages and shell completion in share/ anew'
	@echo 'make bench-wire | -latency | -throughput | -validation | -realworld | -selection | -outage'

# --- the environment ---------------------------------------------------------------------------
# Debian ships venv apart from python3. What is missing is said in one line; nothing is guessed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo 'Python has no venv module. On Debian: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli,test]'
	@touch $@ $(VENV)/.installed

# --- run it ------------------------------------------------------------------------------------
serve: $(VENV)/.installed
	@echo 'Ask it:   dig @127.0.0.1 -p $(PORT) www.example.com'
	@echo 'Stop it:  Ctrl-C'
	@exec $(BIN)/resolver serve --listen 127.0.0.1:$(PORT) --listen '[::1]:$(PORT)'

serve-lab: $(VENV)/.installed
	@echo 'Ask it:   dig @127.0.0.1 -p $(PORT) www.example.com     (a simulated Internet, offline)'
	@exec $(BIN)/resolver serve --lab --listen 127.0.0.1:$(PORT)

# --- check it ----------------------------------------------------------------------------------
test check: lint format types imports unit

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .

format: $(VENV)/.installed-test
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

imports: $(VENV)/.installed-test
	$(BIN)/lint-imports

unit: $(VENV)/.installed-test
	$(BIN)/pytest -q -m 'not long' </dev/null

test-long: $(VENV)/.installed-test
	$(BIN)/pytest -q --timeout=3600 </dev/null

# --- measure it (each figure in the README is printed by one of these) --------------------------
bench-wire bench-latency bench-throughput bench-validation bench-realworld bench-selection bench-outage bench-attack: bench-%: $(VENV)/.installed-test
	$(BIN)/python -m bench.$*

tables: $(VENV)/.installed-test
	$(BIN)/python contrib/refresh-tables
	$(BIN)/python -m tools.share

# Manual pages and shell completion, from the command line, the configuration's schema and docs/.
share: $(VENV)/.installed-test
	$(BIN)/python -m tools.share

# Optional: half the CPU per cache miss. Needs a C compiler and python3-dev; `make plain` undoes it.
compile: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'mypy[mypyc]' setuptools
	$(BIN)/python tools/compile.py

plain:
	$(PYTHON) tools/compile.py --clean

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
