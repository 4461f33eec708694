# make setup | demo | test | check | prompts | soak | bench-ears | bench-link
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check prompts soak bench-ears bench-link clean

setup: .venv/ready

.venv/ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "gateway needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Run: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv is missing: apt-get install python3-venv, then run make again"; exit 1; }
	@echo "setting up .venv (dependencies locked in requirements/dev.txt) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/gateway demo

test: setup
	$(BIN)/pytest -n 2 --dist worksteal

check: setup
	$(BIN)/ruff format --check gateway tests
	$(BIN)/ruff check gateway tests
	$(BIN)/mypy
	$(MAKE) test

soak: setup
	$(BIN)/pytest -m soak -n 2

clean:
	rm -rf .venv out build .mypy_cache .ruff_cache .pytest_cache
