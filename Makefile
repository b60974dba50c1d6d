# `make app` and `make test` do all the set-up they need.
PYTHON ?= python3
# LAVIS needs packages that newer versions of Python no longer run.
LAVIS_PYTHON ?= python3.11
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin
LAVIS := .venv-lavis
PIP := -m pip install --quiet --disable-pip-version-check
# Python keeps what it compiles, which some images of containers turn off.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: app test lint lavis milvus ray peers screenshots clean

# glibc keeps freed memory by default; these two settings keep the app 70 MB lower at its peak.
app: $(VENV)/.app
	@MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=4194304 $(BIN)/python -m lsr app --port $(PORT)

test: $(VENV)/.test
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lavis: $(LAVIS)/.installed

milvus: $(VENV)/.milvus

ray: $(VENV)/.ray

# Other people's tools, which some tests read exports with: 290 MB, without what they depend on.
peers: $(VENV)/.test
	@$(BIN)/python $(PIP) --no-compile --no-deps --upgrade --target build/peers -r requirements-peers.txt

# README's pictures of the app, with Debian's Chromium.
screenshots: $(VENV)/.test
	@$(BIN)/python -m benchmarks.screenshots

clean:
	rm -rf $(VENV) $(LAVIS) build

$(VENV)/.app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lexiscope needs Python 3.11 or newer: make app PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the app's packages into $(VENV): a few minutes, once"
	@$(BIN)/python $(PIP) --no-compile -r requirements.txt
	@echo "Compiling the loops and projecting the bundled test images and queries, once"
	@# What pip would compile before, on a second core; files for other Pythons cannot be.
	@$(BIN)/python -m compileall -qq $(VENV)/lib & packages=$$!; \
	 $(BIN)/python -m lsr search "two lions" --k 1 > /dev/null && \
	 $(BIN)/python -m lsr sweep --steps 2 > /dev/null 2>&1 && \
	 $(BIN)/python -m lsr sweep --steps 2 --model demo-uncontrolled > /dev/null 2>&1 && \
	 $(BIN)/python -m lsr failures --queries paraphrased --limit 1 --against demo-uncontrolled --why-not paraphrased-00790 > /dev/null 2>&1 && \
	 { wait $$packages || true; }
	@touch $@

$(VENV)/.test: $(VENV)/.app requirements-dev.txt
	@echo "Installing the test packages into $(VENV), once"
	@$(BIN)/python $(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/.milvus: $(VENV)/.app requirements-milvus.txt
	@echo "Installing the Milvus client and Milvus Lite into $(VENV), once"
	@$(BIN)/python $(PIP) -r requirements-milvus.txt
	@touch $@

$(VENV)/.ray: $(VENV)/.app requirements-ray.txt
	@echo "Installing Ray into $(VENV), once"
	@$(BIN)/python $(PIP) -r requirements-ray.txt
	@touch $@

$(LAVIS)/.installed: requirements-lavis.txt
	@$(LAVIS_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "LAVIS needs Python 3.11: make lavis LAVIS_PYTHON=/path/to/python3.11")'
	@test -x $(LAVIS)/bin/python || $(LAVIS_PYTHON) -m venv $(LAVIS)
	@echo "Installing LAVIS into $(LAVIS): 2.3 GB, two minutes or more, once"
	@$(LAVIS)/bin/python $(PIP) -r requirements-lavis.txt
	@touch $@
