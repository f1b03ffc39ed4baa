# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := .venv-run
LASTS := -o faulthandler_timeout=0
HA := .venv-ha
SOURCES := position_ledger_start.py $(shell find domain infrastructure projections scripts position_ledger -name '*.py' -o -name 'py.typed' -o -name '*.sql' -o -name '*.c' -o -name '*.html' -o -name '*.css' -o -name '*.js')

.PHONY: demo test fast browser units test-ha failover lint check oldest campaign prove soak bench format docs generate pins clean

demo: $(RUN)/installed ## the main job, on an embedded SQLite file, with what the ledger runs with alone
	$(RUN)/bin/position-ledger demo

test: $(VENV)/installed browser units ## every test, against the wheel that users install: four at once, for many wait more than they work
	LEDGER_TESTS_THE_WHEEL=1 tests/in_memory $(BIN)/pytest -n 4 --dist worksteal $(ARGS)

fast: $(VENV)/installed ## the rules and what readers see: no database, less than a minute
	LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q -n 2 tests/domain tests/projections $(ARGS)

browser: ## what the tests look at pages with: Debian's chromium, unless LEDGER_TEST_CHROMIUM names a browser
	@test -n "$$LEDGER_TEST_CHROMIUM" || command -v chromium >/dev/null || { \
	    root=$$([ "$$(id -u)" = 0 ] || echo sudo); export PATH="$$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive; \
	    $$root apt-get -q update && $$root apt-get -q install -y --no-install-recommends chromium fonts-dejavu-core; }

units: ## what the tests look at the units of deploy/ with: Debian's systemd
	@command -v systemd-analyze >/dev/null || { \
	    root=$$([ "$$(id -u)" = 0 ] || echo sudo); export DEBIAN_FRONTEND=noninteractive; \
	    $$root apt-get -q update && $$root apt-get -q install -y --no-install-recommends systemd; }

test-ha failover: export PATH := $(PATH):/usr/sbin:/sbin
test-ha: $(VENV)/installed $(HA)/pinned failover ## a cluster of three under faults (ROWS="kill-postgres switch-over": these alone), and copies of SQLite
	LEDGER_TESTS_THE_WHEEL=1 LEDGER_TEST_HA_PROGRAMS=$(CURDIR)/$(HA)/bin tests/ha/apart $(BIN)/pytest -n 2 $(LASTS) \
	    $(if $(ROWS),$(ROWS:%='tests/ha/rows.py::test_row[%]'),tests/ha/rows.py tests/ha/litestream.py) $(ARGS)

failover: ## what Patroni keeps its state in and what finds its primary, Debian's, beside what parts networks
	@export DEBIAN_FRONTEND=noninteractive; \
	for program in etcd haproxy ip setpriv unshare; do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	test -z "$$missing" || { root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	    $$root apt-get -q update && $$root apt-get -q install -y --no-install-recommends etcd-server haproxy iproute2 util-linux; } || \
	    { echo "not found:$$missing, and apt-get did not bring them: install etcd 3.4, HAProxy, iproute2 and util-linux, and put them on PATH" >&2; exit 1; }

lint: $(VENV)/installed ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples

check: lint ## style, types, and which way imports may point
	LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q tests/test_tidy.py

oldest: $(VENV)/installed ## the conformance suites, with the oldest eventsourcing that pyproject.toml lets in
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --no-deps --require-hashes --target $(VENV)/oldest -r requirements-oldest.txt
	PYTHONPATH=$(VENV)/oldest LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q tests/infrastructure/event_store/test_conformance.py

EXAMPLES ?= 5000
campaign: $(VENV)/installed ## conversations of all kinds, counted by the ledger and by an oracle in fractions; and by all commands, which agree
	LEDGER_CAMPAIGN_EXAMPLES=$(EXAMPLES) LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q -n 2 $(LASTS) tests/campaign

RUNS ?= 10000
prove: $(VENV)/installed ## bots killed and cancelled at any step, at an exchange that fails: nothing doubled, bare, left or stuck
	LEDGER_CAMPAIGN_RUNS=$(RUNS) LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q -n 2 $(LASTS) tests/campaign/test_trading.py

MINUTES ?= 10
soak: $(VENV)/installed ## a watch beside four writers, on both databases: memory flat, no alarm lost, none doubled
	LEDGER_SOAK_MINUTES=$(MINUTES) LEDGER_TESTS_THE_WHEEL=1 $(BIN)/pytest -q -n 2 $(LASTS) tests/campaign/test_watch_soak.py

bench: $(VENV)/installed ## how fast, beside what it replaces, in one run
	$(BIN)/position-ledger bench --events 1000000 $(ARGS)

format: $(VENV)/pinned
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/pinned ## write the tables of the pages anew that follow from the code, after a change of fields, options or errors
	$(BIN)/python -m tests.doc_tables

generate: $(VENV)/pinned ## write the methods of the commands anew, after a change of their fields or of their page
	$(BIN)/python -m tests.typed_commands

PINNED := uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header
pins: ## pin what the tests run with, what the ledger runs with alone, and what stands beside it in a cluster; needs uv
	$(PINNED) requirements.in -o requirements.txt
	$(PINNED) -c requirements.txt requirements-run.in -o requirements-run.txt
	$(PINNED) -c requirements.txt requirements-ha.in -o requirements-ha.txt
	echo eventsourcing==9.5.0 | $(PINNED) --no-deps - -o requirements-oldest.txt

clean:
	rm -rf $(VENV) $(RUN) $(HA) build dist

$(VENV)/pinned: requirements.txt
$(RUN)/pinned: requirements-run.txt
$(HA)/pinned: requirements-ha.txt
%/pinned:
	$(PYTHON) -m venv $*
	$*/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

%/installed: %/pinned pyproject.toml README.md $(SOURCES)
	rm -rf $*/dist
	$*/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir $*/dist .
	$*/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $*/dist/*.whl
	touch $@

.SECONDARY:
