# Every target can be run alone, any number of times, and needs no variables.
# Recipes use paths relative to this folder only: a clone may lie under a path with spaces.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup tools test testall test-all lint format reference site pictures demo bench drill clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r name text; do \
	  printf '  make %-9s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## create .venv and install vpo and everything needed to work on it

$(STAMP): pyproject.toml constraints.txt scripts/setup.sh
	@sh scripts/setup.sh '$(PYTHON)' $(VENV)
	@touch $@

tools: ## install ffmpeg and mkvtoolnix if missing (Debian, as root or with sudo)
	@sh scripts/tools.sh

test: setup tools ## lint, check types and imports, and run all tests
	@$(MAKE) --no-print-directory lint
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal

lint: setup ## ruff, mypy, the import contract, and the links of the documentation
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy src tests scripts $(wildcard bench/*.py) drill
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile
	@$(MAKE) --no-print-directory site

format: setup ## let ruff fix and format what it can
	$(VENV)/bin/python -m ruff check --fix .
	$(VENV)/bin/python -m ruff format .

reference: setup ## write docs/policy-reference.md and the manual page from the code
	$(VENV)/bin/python scripts/reference.py
	$(VENV)/bin/python scripts/man.py

testall: setup tools ## build wheel and sdist, try them with every Python that is here
	@sh scripts/testall.sh

test-all: testall

site: setup ## build the documentation as a site in dist/site
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict --quiet

pictures: setup tools ## make the pictures in docs/pictures
	$(VENV)/bin/python scripts/pictures.py
	$(VENV)/bin/python scripts/page_pictures.py

demo: setup ## make a small library in demo/ and let vpo put it in order
	@$(VENV)/bin/python scripts/demo.py

bench: setup tools ## measure against bare tools: bench/RESULTS.md, or one row: make bench ROW=3
	@$(VENV)/bin/python -m bench $(ROW)

drill: setup tools ## kill, starve and mislead vpo: docs/reliability.md, or some: make drill DRILL=killed
	@$(VENV)/bin/python -m drill '$(DRILL)'

clean: ## remove caches, the demo and generated media (not .venv)
	rm -rf demo dist build tests/media/files .hypothesis
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests scripts bench drill -name __pycache__ -type d -prune -exec rm -rf {} +
