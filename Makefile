# Everything the project can do; `make` alone lists it. Nothing needs to be prepared: a target sets up what it needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# May be set on the command line or in the environment
PYTHON ?=# an interpreter for .venv (default: the first of 3.11, 3.12, 3.13, 3.14 that is found)
PIP_ARGS ?=# more words for pip, for example --extra-index-url https://download.pytorch.org/whl/cpu on Linux
DATA ?=# folder with Band1 .. Band5 and label
OUT ?= out
PYTEST_ARGS ?= -q -n 2 --dist worksteal
TILES ?= 4
ARGS ?=# more words for the command of the target

PY := .venv/bin/python
SETUP := .venv/.ready
export DATA GLACIER_DATA PIP_ARGS TILES

.PHONY: help setup need-data demo lakes-demo test lint format model generalise submission wheel test-evaluator benchmark readme clean

help:  ## list what there is
	@echo "usage: make TARGET [DATA=folder] [PYTHON=python3.12] [PIP_ARGS=...]"
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SETUP)  ## make .venv with the pinned packages (the others do this by themselves)

.venv/.locked: requirements/today.txt
	@base="$(PYTHON)"; \
	base=$${base:-$$(tools/find_python.sh 3.11 3.12 3.13 3.14)} || \
		{ echo "error: no Python 3.11 to 3.14 found; install one, or give it: make PYTHON=/path/to/python" >&2; exit 2; }; \
	echo "setting up .venv with $$base (about two minutes, once)"; \
	"$$base" -m venv .venv
	@$(PY) -m pip install -qq --disable-pip-version-check $(PIP_ARGS) -r requirements/today.txt
	@touch $@

# the editable install, so that `python baseline/train_gbm.py` finds the other rooms; again when a room is added
$(SETUP): .venv/.locked pyproject.toml $(wildcard */__init__.py)
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

need-data:
	@[ -n "$$DATA" ] || { echo "error: give the training tiles: DATA=folder with Band1 .. Band5 and label" >&2; exit 2; }

demo: $(SETUP)  ## map a synthetic sample (or DATA=) with the shipped model: scores, masks, figure
	@$(PY) -m evaluation.demo --out $(OUT)/demo $(if $(DATA),--data "$(DATA)") $(ARGS)

lakes-demo: $(SETUP)  ## lakes from mosaics to F1 on a synthetic Greenland: every step as a command, figure and report
	@$(PY) -m lakes demo --out $(OUT)/lakes-demo $(ARGS)

test: $(SETUP)  ## run the tests
	@$(PY) -m pytest $(PYTEST_ARGS)

lint: $(SETUP)  ## check style, format and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet . || { echo "not formatted; run: make format" >&2; $(PY) -m ruff format --diff --quiet . | head -40; exit 1; }
	@$(PY) -m mypy

format: $(SETUP)  ## bring the code into the format that lint asks for
	@$(PY) -m ruff check --fix --quiet . || true
	@$(PY) -m ruff format .

model: need-data $(SETUP)  ## cross-validate on the tiles in DATA= and train out/model/model.pth (ARGS="--transfer DIR --snow DIR --weak DIR --unlabelled FILE --drawn drawn")
	@$(PY) -m evaluation.make_model --data "$(DATA)" --out $(OUT)/model $(ARGS)

generalise: need-data $(SETUP)  ## measure DATA= next door, elsewhere, under snow, shifted (ARGS as for model)
	@$(PY) -m evaluation.generalise --data "$(DATA)" --out $(OUT)/model $(ARGS)

submission: $(SETUP)  ## write dist/submission: solution.py and model.pth, two files that work alone
	@$(PY) tools/assemble.py --out dist/submission --model model.pth

wheel: $(SETUP)  ## write dist/glacier_hybrid-*.whl: the installable package with its one command, glacier
	@$(PY) tools/make_wheel.py --out dist

test-evaluator: submission  ## play the challenge's evaluator on the submission in Python 3.9
	@tools/test_evaluator.sh

benchmark: $(SETUP)  ## time inference stage by stage
	@$(PY) benchmarks/inference.py $(if $(DATA),--data "$(DATA)") $(ARGS)

readme: $(SETUP)  ## rewrite the tables of README.md and docs/ from the files in results/
	@$(PY) -m evaluation.readme --data results --out .

clean:  ## remove what commands wrote; the environments stay
	@rm -rf out dist build ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -path ./.venv39 -prune -o -name __pycache__ -type d -exec rm -rf {} +
