# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find domain infrastructure projections scripts position_ledger -name '*.py' -o -name '*.sql' -o -name '*.c' -o -name '*.html' -o -name '*.css')

.PHONY: demo test browser check bench format generate pins clean

demo: $(VENV)/installed ## the main job, on an embedded SQLite file
	$(BIN)/position-ledger demo

test: $(VENV)/installed browser ## every test, against the wheel that users install
	LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -n 2 $(ARGS)

browser: ## what the tests look at pages with: Debian's chromium, unless LEDGER_TEST_CHROMIUM names a browser
	@test -n "$$LEDGER_TEST_CHROMIUM" || command -v chromium >/dev/null || { \
	    root=$$([ "$$(id -u)" = 0 ] || echo sudo); export PATH="$$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive; \
	    $$root apt-get -q update && $$root apt-get -q install -y --no-install-recommends chromium fonts-dejavu-core; }

check: $(VENV)/installed ## style, types, and which way imports may point
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q tests/test_tidy.py

bench: $(VENV)/installed ## how fast, beside what it replaces, in one run
	$(BIN)/position-ledger bench --events 1000000 $(ARGS)

format: $(VENV)/pinned
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/pinned ## write the methods of the commands anew, after a change of their fields or of their page
	$(BIN)/python -m tests.typed_commands

pins: ## pin what the tests run with; needs uv
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header requirements.in -o requirements.txt

clean:
	rm -rf $(VENV) build dist

$(VENV)/pinned: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

$(VENV)/installed: $(VENV)/pinned pyproject.toml README.md $(SOURCES)
	rm -rf dist
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
	touch $@
