# Needs make and Python 3.11 or newer. `make` without a target lists the targets.

# The first Python that is new enough; PYTHON=/path/to/python3.12 selects another.
NEW_ENOUGH = -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python $(NEW_ENOUGH) && echo $$python && break; done)
BOOTSTRAP = @"$(PYTHON)" $(NEW_ENOUGH) || { echo >&2 \
	"Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3.12 $@"; \
	exit 1; }; exec "$(PYTHON)" tools/bootstrap.py
VENV = .venv/bin/python
# The next Django runs on a newer Python than the oldest one supported here.
NEXT_PYTHON ?= python3.13
NEXT = .venv-next
LOCK = @.venv/bin/uv pip compile --quiet --universal --generate-hashes \
	--custom-compile-command "make requirements" $(ARGS)

PYTHON_FILES = find . -name '*.py' ! -path './.*'
TEMPLATE_FILES = find templates -name '*.html'

PORT ?= 8000
export PORT
BENCH ?= pages exchange clone

.PHONY: help new run setup test test-next test-hard audit bench lint format requirements clean
.NOTPARALLEL:

help: ## List the targets (what bare make does)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

new: ## Start the record of another coalition in a folder (FOLDER=../mi-coalicion)
	@"$(PYTHON)" $(NEW_ENOUGH) && exec "$(PYTHON)" tools/new.py "$(FOLDER)"

run: ## Serve the site with its record on http://127.0.0.1:8000/ (PORT=, RECORD=, DATABASE_URL=)
	$(BOOTSTRAP) run

setup: ## Do all that run does, but do not serve
	$(BOOTSTRAP) setup

test: ## Run the suite on SQLite and on PostgreSQL (ARGS="-k dates" picks tests)
	$(BOOTSTRAP) install requirements-dev.txt
	@$(VENV) -m tools.suite $(ARGS)

test-next: ## Run the suite on Python 3.13 with the next Django (NEXT_PYTHON=, ARGS=--sqlite)
	@VENV_FOLDER=$(NEXT) "$(NEXT_PYTHON)" tools/bootstrap.py install requirements-dev.txt requirements-next.txt
	@$(NEXT)/bin/python -m tools.suite $(ARGS)

test-hard: ## Run what is slow or breaks things: nginx, full disks, kill -9, LibreOffice (ARGS=)
	$(BOOTSTRAP) install requirements-dev.txt
	@$(VENV) -m tools.suite --hard $(ARGS)

audit: ## Ask Lighthouse, the Nu HTML checker and MDN's Observatory (needs Node and Java)
	$(BOOTSTRAP) install requirements-dev.txt
	@$(VENV) -m tools.audit
	@$(VENV) -m tools.observatory

bench: ## Measure into docs/performance.md (BENCH=pages ARGS="--only stored" for one figure)
	$(BOOTSTRAP) install requirements-bench.txt
	@set -e; export LOAD_BEFORE="$$($(VENV) -c 'import os; print(os.getloadavg()[0])')"; \
		for name in $(BENCH); do $(VENV) -m tools.$$name $(ARGS); done

# A server's settings, so that what lint checks is what a server would run.
lint: export DEBUG = 0
lint: export SECRET_KEY = a-key-that-guards-nothing-and-lets-lint-load-the-settings
lint: export ALLOWED_HOSTS = nucleo.example
lint: export DATABASE_URL = sqlite://:memory:
lint: export PUBLISHER = Quien Publica, A. C.
lint: export PUBLISHER_ADDRESS = Calle Uno 1, 06000 Ciudad de Prueba
lint: export SOURCE_URL = https://nucleo.example/codigo
lint: ## Check form, types, migrations, production settings and fixtures; change nothing
	$(BOOTSTRAP) install requirements-dev.txt
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	$(VENV) -m mypy
	$(TEMPLATE_FILES) -exec .venv/bin/djade --target-version 5.2 --check {} +
	$(PYTHON_FILES) -exec $(VENV) -m django_upgrade --target-version 5.2 --check {} +
	$(VENV) manage.py makemigrations --check --dry-run
	$(VENV) manage.py check --deploy --fail-level WARNING
	$(VENV) manage.py build_fixtures --check

format: ## Settle the form of code and templates
	$(BOOTSTRAP) install requirements-dev.txt
	$(PYTHON_FILES) -exec $(VENV) -m django_upgrade --target-version 5.2 --exit-zero-even-if-changed {} +
	$(VENV) -m ruff check --fix --exit-zero
	$(VENV) -m ruff format
	$(TEMPLATE_FILES) -exec .venv/bin/djade --target-version 5.2 {} + || true  # it fails when it changes

requirements: ## Write requirements*.txt from pyproject.toml (ARGS="--upgrade-package pillow")
	$(BOOTSTRAP) install requirements-dev.txt
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(LOCK) pyproject.toml --group bench -c requirements-dev.txt -o requirements-bench.txt
	$(LOCK) --group next --no-deps --python-version 3.13 -o requirements-next.txt

clean: ## Remove what can be made again; keep database, uploads and .env
	rm -rf .venv .venv-next staticfiles tools/node_modules setup.log .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
