# make demo: set up and filter a bundled photo.   make test: set up and pass the tests.   make docs: build the site.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-full lint bench goals docs clean

demo: $(VENV)/installed
	$(BIN)/python -m filters demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -q -n auto --dist worksteal

test-full: $(VENV)/installed-test
	$(BIN)/python -m pytest -q -n auto --dist worksteal --full

# Under ten minutes on two cores of 2021, the first time four more to compile; SCALE=full takes hours. Then the report.
SCALE ?= short

bench: $(VENV)/installed-bench
	mkdir -p build/bench
	HALIDE_FILTERS_SCHEDULES=off $(BIN)/python -m pytest -q bench/suites --scale $(SCALE) --benchmark-quiet --benchmark-json build/bench/run.json
	$(BIN)/python -m bench report

# The figures that this project set out to reach, beside what it reached; an hour.
goals: $(VENV)/installed-bench
	$(BIN)/python -m bench.spine
	$(BIN)/python -m bench.convolution
	$(BIN)/python -m bench.local_laplacian
	$(BIN)/python -m bench.weighted
	$(BIN)/python -m bench.multilateral
	$(BIN)/python -m bench.upsampling

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -b html -n -W --keep-going docs docs/_build/html

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

$(VENV)/installed-bench: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet -e '.[bench]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info demo.png docs/_build docs/auto_gallery docs/reference/generated
