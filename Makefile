# setup, run, test, check, bench: each works on a fresh clone with Python 3.11 and nothing else.
PYTHON ?= python3
BIN := .venv/bin
CONFIG ?=

.PHONY: setup setup-dev run test check bench lock
setup: .venv/.installed
setup-dev: .venv/.installed-dev

# A stamp, so that nothing is asked of pip while the lock and the project file stand still.
.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "netfold needs Python 3.11 or newer; $(PYTHON) -V says: $$($(PYTHON) -V 2>&1 | tail -n 1). Try: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "netfold needs Python's venv, which $(PYTHON) lacks. On Debian: apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "installing netfold into .venv ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: setup
	@$(BIN)/netfold $(if $(CONFIG),run -c $(CONFIG),demo)

test: setup-dev
	@$(BIN)/python -m tests.testbed fetch
	@$(BIN)/python -m pytest -n 3 --dist loadfile

check: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/vulture
	@$(BIN)/deptry .
	@$(BIN)/python -m agent.catalogue --check docs/metrics.md
	@$(BIN)/python -m dashboards.build --check

bench: setup-dev
	@$(BIN)/python -m tests.testbed fetch
	@$(BIN)/python -m tests.bench > docs/benchmarks.new && mv docs/benchmarks.new docs/benchmarks.md
	@cat docs/benchmarks.md

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: setup-dev
	$(LOCK) --extra build pyproject.toml -o requirements.lock
	$(LOCK) --extra build --extra boards --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
