PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs figures notes clean

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.setup ## install everything into .venv; does nothing where that is done (PYTHON=python3.12 chooses one)
	@$(BIN)/python -m compileall -q src/a3c

# Byte-compiled, as importing JAX takes 0.5 s with bytecode and over 2 s without; packages hold files in the syntax of
# newer Pythons too, which may fail.
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib || true

.venv/.setup: pyproject.toml constraints.txt
	@command -v $(PYTHON) > /dev/null || \
	  { echo "a3c needs Python 3.11 or newer: $(PYTHON) is not installed" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "a3c needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make PYTHON=python3.12 setup" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "$(PYTHON) cannot make a virtual environment: install its venv package (Debian and Ubuntu: sudo apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "installing a3c and its development tools into .venv, which takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(COMPILE)
	@touch $@

demo: setup ## train CartPole-v1 with every core until solved, then evaluate it
	@run=runs/demo-$$(date +%Y%m%d-%H%M%S) && \
	$(BIN)/a3c train CartPole-v1 --run $$run && \
	$(BIN)/a3c evaluate $$run --episodes 100 && \
	echo "learning curve  $$run/curve.png" && \
	echo "best model      $$run/checkpoints/best.safetensors" && \
	echo "summary         $$run/summary.json"

test: setup ## run the tests, three at a time (ARGS="-k resume" chooses some, ARGS="-n 8" runs more at once)
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

lint: setup ## check style, types and the layers of the package
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/lint-imports

# All benchmarks, or with ARGS, which differ between them, only CartPole's or those that BENCH names.
BENCH ?= cartpole $(if $(strip $(ARGS)),,algorithms pong tasks)

bench: setup .venv/.bench ## measure against the targets and Stable-Baselines3 (BENCH=algorithms ARGS="--only lag" chooses)
	@for name in $(BENCH); do $(BIN)/python benchmarks/$$name.py $(ARGS) || exit 1; done

# Any build of the pinned torch will do: where pip's own choice would bring CUDA, install torch's CPU build first.
.venv/.bench: .venv/.setup benchmarks/constraints.txt
	@echo "installing what the benchmarks compare with into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints.txt -c benchmarks/constraints.txt -e '.[bench]'
	@$(COMPILE)
	@touch $@

docs: setup ## build the documentation as a site, docs/_build/html/index.html; runs its tutorials
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

figures: setup ## redraw the figures in docs/ from the results in benchmarks/results/
	@$(BIN)/python benchmarks/cartpole.py --figures-only
	@$(BIN)/python benchmarks/algorithms.py --figures-only
	@$(BIN)/python benchmarks/pong.py --figures-only
	@$(BIN)/python benchmarks/tasks.py --figures-only
	@$(BIN)/python benchmarks/defaults.py --figures-only

notes: ## print what CHANGELOG.md says of VERSION, for a release (VERSION=0.1.0)
	@awk -v heading="## [$(VERSION)]" \
	  '/^## / { inside = index($$0, heading) == 1; found = found || inside; next } inside { print } END { exit !found }' \
	  CHANGELOG.md || { echo "CHANGELOG.md has no section [$(VERSION)]: name one, as in make notes VERSION=0.1.0" >&2; exit 1; }

clean: ## remove caches and build products; .venv/ and runs/ stay
	@rm -rf build dist site .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
