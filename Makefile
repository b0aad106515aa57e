PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
CLIENTS = $(VENV)/clients
INSTALL = -m pip install --quiet --disable-pip-version-check

.PHONY: demo test soak bench lint clean

$(VENV)/.runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --editable .
	touch $@

$(VENV)/.test: $(VENV)/.runtime
	$(BIN)/python $(INSTALL) --editable '.[test]'
	touch $@

# Calendar programs to test with: only them, since some replace libraries of ours.
EXTRA = import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	print(*project['optional-dependencies']['clients'])

$(CLIENTS)/.installed: $(VENV)/.runtime
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python $(INSTALL) $$($(PYTHON) -c "$(EXTRA)")
	touch $@

demo: $(VENV)/.runtime
	exec $(BIN)/busybridge demo

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

# By files, so that what the tests of one share is started once.
test: lint $(CLIENTS)/.installed
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

soak: $(VENV)/.test $(CLIENTS)/.installed
	$(BIN)/pytest -m 'soak or hypothesis' --hypothesis-profile exploring -n 2 --timeout 3600

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) dist build
