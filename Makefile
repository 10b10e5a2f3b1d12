# What a person or a machine does with this tree. `make` alone lists it all.
#
# One environment, .venv, made by uv from the lock file. Where uv is missing, pip fetches it
# into .tools, so that Python 3.11, git and make are all a new machine needs.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup test quick lint format attack demo benchmark benchmark-peers simulate soak live providers backfill celery matrix test-browser warehouses clean ruff formatting types imports pytest

UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
BIN := .venv/bin
READY := .venv/.ready
# A process for each core, and a file's tests in one: each process has its Airflow and its S3.
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile

# The caller's own environment must neither receive our packages nor lend us theirs.
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

format: setup  ## put the code in shape and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

demo: setup  ## run an example DAG on real texts, with a simulated API and a local S3
	@$(BIN)/python -m demo

benchmark: setup  ## rows per second, CPU and memory per row, beside hand-written aiohttp
	@$(BIN)/python -m lab.benchmarks.row_cost

# Each peer in an environment of its own under .venv/peers, from a lock file of its own.
benchmark-peers: setup  ## beside other clients, into provider/docs/performance.md: installs 2 GB, half an hour
	@PATH="$(dir $(UV)):$$PATH" $(BIN)/python -m lab.benchmarks.peers $(PEERS)

limits: setup  ## our law and its rivals under limits that they do not know, in virtual time
	@$(BIN)/python -m lab.limits
	@$(BIN)/python -m lab.limits --shared

simulate: setup  ## runs under kills, freezes, twins and a failing store: SEEDS=10000 [FROM=n]
	@$(BIN)/python -m lab.simulation --seeds $(or $(SEEDS),1000) --from $(or $(FROM),0)

soak: setup  ## real processes under kill -9, freezes and twins: ROUNDS=20 [SEED=1]
	@$(BIN)/python -m lab.soak --rounds $(or $(ROUNDS),20) --seed $(or $(SEED),1)

# AIMLAPI_BASE_URL, which nothing else reads, points it at another API.
live: setup  ## the wire contract against the real API, with the key in AIMLAPI_KEY: states the cost and asks [YES=1]
	@$(BIN)/python -m tests.live $(if $(YES),--yes)

# In an environment of its own, for these bring more than all the rest. gcsfs is told not to ask
# Google by gRPC for each bucket's kind, which nothing plays here.
providers: export GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT := false
providers: setup  ## runs on gs:// and abfs:// through Airflow's connections: installs a gigabyte
	@UV_PROJECT_ENVIRONMENT=.venv/providers $(UV) sync --locked --quiet --extra s3 --extra gcs --extra azure
	@.venv/providers/bin/python -m tests.fakes.azurite
	@.venv/providers/bin/python -m pytest -m providers tests/airflow

attack: setup  ## what SECURITY.md claims, against a real api-server with two users and two teams: [ONLY=words]
	@$(BIN)/python -m pytest -o faulthandler_timeout=0 -m 'attack or not attack' tests/attacks $(if $(ONLY),-k '$(ONLY)')

# Spark comes from PyPI and wants a Java, which is Debian's where it is missing.
warehouses: setup  ## what a real Spark reads back of a run over its own files: installs 500 MB, minutes
	@UV_PROJECT_ENVIRONMENT=.venv/warehouses $(UV) sync --locked --quiet --extra s3 --group warehouses
	@command -v java >/dev/null || apt-get install -y --no-install-recommends openjdk-17-jre-headless
	@.venv/warehouses/bin/python -m pytest -m warehouses tests/warehouses

backfill: setup  ## the backfill example under a real scheduler, three times: minutes
	@$(BIN)/python -m pytest -m scheduler -o faulthandler_timeout=0 tests/scheduler

# PostgreSQL and Redis are Debian's, installed where they are missing; containers are not needed.
celery: setup  ## docker-compose.yml's services without containers, and a run on 1 to 4 workers: 30 minutes [ONLY=…]
	@UV_PROJECT_ENVIRONMENT=.venv/celery $(UV) sync --locked --quiet --extra s3 --group celery
	@.venv/celery/bin/python -m lab.celery $(ONLY)

# Debian's Chromium where there is one, or may be installed; else playwright's own download.
test-browser: setup  ## the run page in real Chromium, against a real Airflow: [SCREENSHOTS=folder]
	@UV_PROJECT_ENVIRONMENT=.venv/browser $(UV) sync --locked --quiet --extra s3 --group browser
	@command -v chromium chromium-browser >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get install -y --no-install-recommends chromium; } || \
	  .venv/browser/bin/playwright install chromium
	@.venv/browser/bin/python -m pytest browser_tests -s $(if $(SCREENSHOTS),--screenshots $(SCREENSHOTS))

# Each in an environment of its own under .venv/matrix, made anew with this tree's wheel.
matrix: setup  ## unit tests, imports and a DAG on Airflow 3.0 to 3.3, two to three minutes for each: [ONLY=3.0-3.11]
	@PATH="$(dir $(UV)):$$PATH" $(BIN)/python -m lab.matrix $(ONLY)

clean:  ## remove everything that these commands made
	rm -rf .venv .tools .demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ruff: setup
	$(BIN)/ruff check .

formatting: setup
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/typed/mypy.ini tests/typed/users_dag.py

imports: setup
	$(BIN)/lint-imports

pytest: setup
	$(PYTEST)

# Azurite, on which tests of Azure run, is npm's; node comes with .venv.
$(READY): pyproject.toml uv.lock $(wildcard tests/azurite/*.json) $(filter .tools/bin/uv,$(UV))
	@echo 'Setting up .venv; the first time takes a minute or so …'
	@$(UV) sync --locked --quiet --extra s3
	@$(BIN)/python -m tests.fakes.azurite
	@touch $@

.tools/bin/uv:
	@echo 'There is no uv on this machine: installing it from PyPI into .tools …'
	@python3 -m venv --clear .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
