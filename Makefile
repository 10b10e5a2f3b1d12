# The commands of this project. `make` alone lists them.
#
# uv makes one environment, .venv, from the lock file. If uv is missing, pip installs it into .tools,
# so that a new machine needs only Python 3.11, git and make.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup test quick lint format attack demo demo-ui benchmark benchmark-peers benchmark-typed simulate soak live providers backfill celery matrix test-browser warehouses clean ruff formatting types imports pytest

UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
BIN := .venv/bin
READY := .venv/.ready
# One process per core. All tests of a file run in one process, because each has an Airflow and an S3.
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile

# The caller's own environment must not receive our packages, and ours must not use its packages.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME
export UV_PROJECT_ENVIRONMENT := .venv

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv from the lock file; does nothing if it is up to date

test: setup  ## everything that CI runs: style, types, import contracts, tests
	@$(MAKE) --no-print-directory --keep-going ruff formatting types imports pytest

quick: setup  ## style, unit tests and architecture tests: about a minute on two cores
	@$(MAKE) --no-print-directory --keep-going ruff formatting
	$(PYTEST) tests/unit tests/architecture

lint: setup  ## the checks that read the code without running it
	@$(MAKE) --no-print-directory --keep-going ruff formatting types imports

format: setup  ## format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

demo: setup  ## run an example DAG on real texts, with a simulated API and a local S3
	@$(BIN)/python -m demo

demo-ui: setup  ## a whole Airflow with the example DAGs and the run page, until Ctrl-C
	@$(BIN)/python -m demo.ui

benchmark: setup  ## rows per second, CPU and memory per row, compared with hand-written aiohttp
	@$(BIN)/python -m lab.benchmarks.row_cost

# Each peer has an environment of its own under .venv/peers, from a lock file of its own.
benchmark-peers: setup  ## compare with other clients, in provider/docs/performance.md: installs 2 GB, half an hour
	@PATH="$(dir $(UV)):$$PATH" $(BIN)/python -m lab.benchmarks.peers $(PEERS)

benchmark-typed: setup  ## CPU of a row with typed answers, beside instructor and pydantic-ai: five minutes
	@PATH="$(dir $(UV)):$$PATH" $(BIN)/python -m lab.benchmarks.typed_peers

limits: setup  ## our pacing and its rivals under limits that they do not know, in virtual time
	@$(BIN)/python -m lab.limits
	@$(BIN)/python -m lab.limits --shared

simulate: setup  ## runs under kills, freezes, twins and a failing store: SEEDS=10000 [FROM=n]
	@$(BIN)/python -m lab.simulation --seeds $(or $(SEEDS),1000) --from $(or $(FROM),0)

soak: setup  ## real processes under kill -9, freezes and twins: ROUNDS=20 [SEED=1]
	@$(BIN)/python -m lab.soak --rounds $(or $(ROUNDS),20) --seed $(or $(SEED),1)

# AIMLAPI_BASE_URL sets another API. Only this command reads it.
live: setup  ## the wire contract against the real API, with the key in AIMLAPI_KEY: prints the cost and waits for a yes [YES=1]
	@$(BIN)/python -m tests.live $(if $(YES),--yes)

# They have an environment of their own, because they install more than everything else together.
# The variable keeps gcsfs from calling Google by gRPC for each bucket's kind. The emulator has no gRPC.
providers: export GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT := false
providers: setup  ## runs on gs:// and abfs:// through Airflow's connections: installs a gigabyte
	@UV_PROJECT_ENVIRONMENT=.venv/providers $(UV) sync --locked --quiet --extra s3 --extra gcs --extra azure
	@.venv/providers/bin/python -m tests.fakes.azurite
	@.venv/providers/bin/python -m pytest -m providers tests/airflow

attack: setup  ## the promises of SECURITY.md, against a real api-server with two users and two teams: [ONLY=words]
	@$(BIN)/python -m pytest -o faulthandler_timeout=0 -m 'attack or not attack' tests/attacks $(if $(ONLY),-k '$(ONLY)')

# Spark comes from PyPI. If Java is missing, Debian's is installed.
warehouses: setup  ## a run over files of a real Spark, which then reads the output: installs 500 MB, minutes
	@UV_PROJECT_ENVIRONMENT=.venv/warehouses $(UV) sync --locked --quiet --extra s3 --group warehouses
	@command -v java >/dev/null || apt-get install -y --no-install-recommends openjdk-17-jre-headless
	@.venv/warehouses/bin/python -m pytest -m warehouses tests/warehouses

backfill: setup  ## the backfill example and demo-ui under a real scheduler: minutes
	@$(BIN)/python -m pytest -m scheduler -o faulthandler_timeout=0 tests/scheduler

# If PostgreSQL or Redis is missing, Debian's is installed. No containers are needed.
celery: setup  ## docker-compose.yml's services without containers, and a run on 1 to 4 workers: 30 minutes [ONLY=…]
	@UV_PROJECT_ENVIRONMENT=.venv/celery $(UV) sync --locked --quiet --extra s3 --group celery
	@.venv/celery/bin/python -m lab.celery $(ONLY)

# It uses Debian's Chromium if it is there or can be installed, otherwise playwright's download.
# axe-core comes from npm. [PICTURES=yes] writes the pictures of the documentation anew.
test-browser: setup  ## the pages in real Chromium, against a real Airflow: [SCREENSHOTS=folder] [PICTURES=yes]
	@UV_PROJECT_ENVIRONMENT=.venv/browser $(UV) sync --locked --quiet --extra s3 --group browser
	@command -v chromium chromium-browser >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get install -y --no-install-recommends chromium; } || \
	  .venv/browser/bin/playwright install chromium
	@.venv/browser/bin/python -m browser_tests.axe_rules
	@.venv/browser/bin/python -m pytest browser_tests -s -o faulthandler_timeout=0 $(if $(SCREENSHOTS),--screenshots $(SCREENSHOTS)) $(if $(PICTURES),--pictures)

# Each version has a new environment under .venv/matrix, with this tree's wheel.
matrix: setup  ## unit tests, imports and a DAG on Airflow 3.0 to 3.3, two to three minutes each: [ONLY=3.0-3.11]
	@PATH="$(dir $(UV)):$$PATH" $(BIN)/python -m lab.matrix $(ONLY)

clean:  ## remove everything that these commands have made
	rm -rf .venv .tools .demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ruff: setup
	$(BIN)/ruff check .

formatting: setup
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/typed/mypy.ini tests/typed/users_dag.py
	$(BIN)/python -m tests.typed.pyright

imports: setup
	$(BIN)/lint-imports

pytest: setup
	$(PYTEST)

# The tests of Azure run on Azurite, which comes from npm. node comes with .venv.
$(READY): pyproject.toml uv.lock $(wildcard tests/azurite/*.json) $(filter .tools/bin/uv,$(UV))
	@echo 'Setting up .venv; the first time takes a minute or so …'
	@$(UV) sync --locked --quiet --extra s3
	@$(BIN)/python -m tests.fakes.azurite
	@touch $@

.tools/bin/uv:
	@echo 'uv is missing on this machine: installing it from PyPI into .tools …'
	@python3 -m venv --clear .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
