# Everything a bare clone needs: `make demo` to see it, `make test` to prove it. Works with Python 3.11 to 3.13.
# `make PYTHON=python3.12 demo` picks another Python; VENV=path another place for the environment.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
METADATA := pyproject.toml setup.py constraints.txt
PACKAGES := realtime engines plugin

.DEFAULT_GOAL := help
.PHONY: help demo test system lint format types pytest bench cast wheel venv model clean

help: ## Show this list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1	/' | expand -t 10

demo: $(VENV)/.live model ## Marked video, side-by-side picture and numbers in out/demo.
	$(BIN)/mien demo --out $(OUT)/demo

test: lint types pytest ## Everything that proves it: linters, types, tests.

# Two workers of one thread each: more threads than cores make the training tests many times slower.
pytest: venv model ## The tests, without the linters.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not system"

system: venv model ## Tests that install into fresh environments or drive other programs.
	$(BIN)/python -m pytest -m system

lint: venv ## ruff's rules and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: venv ## Put imports and format right.
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

types: venv $(PACKAGES:%=.view/mien/%) ## mypy, strict.
	$(BIN)/mypy $(PACKAGES:%=.view/mien/%) benchmarks

bench: $(VENV)/.live model ## This machine's numbers, paced and unpaced, in out/.
	mkdir -p $(OUT)
	$(BIN)/mien bench --json $(OUT)/paced.json
	$(BIN)/mien bench --no-pace --json $(OUT)/unpaced.json

cast: venv model ## Render everything that ships again from its seeds: personas, driver clip, docs' pictures.
	$(BIN)/python -m mien.engines.cast ship --jobs 2
	$(BIN)/python -m mien.engines.personas.ship
	$(BIN)/python -m mien.engines.personas.cards
	$(BIN)/python -m mien.engines.cast pictures

wheel: venv ## Build dist/mien-*.whl, by way of the source archive, so that no old file of build/ joins it.
	$(BIN)/python -m build --outdir dist .

venv: $(VENV)/.dev ## The environment for development, in .venv.

model: $(VENV)/.live ## Fetch the landmark model, its hash checked.
	@$(BIN)/python -c 'from mien.realtime.tracker.model import landmarker_path; landmarker_path()'

clean: ## Remove what these targets made.
	rm -rf $(VENV) .view build dist $(OUT) *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find $(PACKAGES) benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Mien needs Python 3.11, 3.12 or 3.13; none was found."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.live: $(METADATA) | $(BIN)/python
	@sh .ci/system-packages
	$(PIP) --editable '.[live]'
	@touch $@

$(VENV)/.dev: $(METADATA) $(VENV)/.live
	$(PIP) --editable '.[live,virtualcam,cast,speech,system,dev]'
	@touch $@

# mypy cannot follow the mapping of an editable install, so it sees the folders through links.
.view/mien/%:
	@mkdir -p .view/mien
	ln -sfn ../../$* $@
